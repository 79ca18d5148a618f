"""Cases of SciPy."""
import numpy
from scipy.stats import gaussian_kde

CASES = {}


def set_threads(count):
    """Its density estimate runs on one thread."""


def density(points, columns, queries):
    random = numpy.random.default_rng(0)
    kde = gaussian_kde(random.standard_normal((points, columns)).T, bw_method=0.6)
    y = random.standard_normal((queries, columns)).T
    return lambda: kde.logpdf(y)


CASES["density"] = density
