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


def support_vectors(points):
    from sklearn.svm import SVC

    random = numpy.random.default_rng(0)
    x = random.standard_normal((points, 10))
    labels = numpy.where(x[:, 0] * x[:, 1] > 0, 1, -1)
    squares = (x * x).sum(1)
    kernel = numpy.exp(-0.1 * (squares[:, None] + squares[None] - 2 * x @ x.T))
    machine = SVC(kernel="precomputed", C=1.0, tol=1e-3, cache_size=200)
    return lambda: machine.fit(kernel, labels)


CASES["support-vectors"] = support_vectors
