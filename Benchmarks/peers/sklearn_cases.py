"""Cases of scikit-learn."""
import numpy
from sklearn.neighbors import KernelDensity

CASES = {}


def set_threads(count):
    """Its density estimate runs on one thread."""


def density(points, columns, queries):
    random = numpy.random.default_rng(0)
    kde = KernelDensity(bandwidth=0.6).fit(random.standard_normal((points, columns)))
    y = random.standard_normal((queries, columns))
    return lambda: kde.score_samples(y)


CASES["density"] = density
CASES["density-float32"] = density
