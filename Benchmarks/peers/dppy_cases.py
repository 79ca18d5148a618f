"""Cases of DPPy."""
import numpy
from dppy.finite_dpps import FiniteDPP

CASES = {}


def set_threads(count):
    """Its samplers run on one thread."""


def finite_dpp(rows, features):
    random = numpy.random.RandomState(0)
    q, _ = numpy.linalg.qr(random.standard_normal((rows, features)))
    dpp = FiniteDPP("correlation", projection=True, K_eig_dec=(numpy.ones(features), q))
    return lambda: dpp.sample_exact(mode="GS", random_state=random)


CASES["finite-dpp"] = finite_dpp
