"""Cases of NumPy: random-feature sketches as talwagner/lsq computes them."""
import numpy
from threadpoolctl import threadpool_limits

CASES = {}


def set_threads(count):
    threadpool_limits(count)


def sketch(points, columns, features):
    random = numpy.random.default_rng(0)
    x = random.standard_normal((points, columns))
    omega = random.standard_normal((columns, features)) * 2**0.5 / 28
    beta = random.uniform(0, 2 * numpy.pi, features)
    return lambda: (2**0.5 * numpy.cos(x @ omega + beta)).sum(0)


def query(queries, columns, features):
    random = numpy.random.default_rng(0)
    y = random.standard_normal((queries, columns))
    omega = random.standard_normal((columns, features)) * 2**0.5 / 8
    beta = random.uniform(0, 2 * numpy.pi, features)
    mean = random.standard_normal(features)
    return lambda: (2**0.5 * numpy.cos(y @ omega + beta)) @ mean / features


CASES["private-sketch"] = sketch
CASES["private-query"] = query
