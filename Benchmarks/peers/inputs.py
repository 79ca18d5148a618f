"""The inputs of `BenchmarkInput` in Swift: element i is a hash of i and the seed."""
import numpy


def _hashes(count, seed):
    hashes = numpy.arange(count, dtype=numpy.uint32)
    hashes *= numpy.uint32(2654435761)
    hashes += numpy.uint32(seed * 40503 % 2**32)
    hashes ^= hashes >> numpy.uint32(15)
    hashes *= numpy.uint32(2246822519)
    hashes ^= hashes >> numpy.uint32(13)
    hashes *= numpy.uint32(3266489917)
    hashes ^= hashes >> numpy.uint32(16)
    return hashes


def numbers(*shape, seed):
    """Float32 numbers in [-1, 1)."""
    hashes = _hashes(int(numpy.prod(shape)), seed)
    whole = (hashes >> numpy.uint32(8)).astype(numpy.int32) - (1 << 23)
    return (whole.astype(numpy.float32) * numpy.float32(2.0**-23)).reshape(shape)


def integers(*shape, below, seed):
    hashes = _hashes(int(numpy.prod(shape)), seed)
    return ((hashes >> numpy.uint32(8)) % numpy.uint32(below)).astype(numpy.int64).reshape(shape)


def pixels(*shape, seed):
    """Bytes."""
    return (_hashes(int(numpy.prod(shape)), seed) >> numpy.uint32(24)).astype(numpy.uint8).reshape(shape)


def summary(array):
    """What `ResultSummary` in Swift holds of a result."""
    values = numpy.ascontiguousarray(array).ravel()
    if numpy.iscomplexobj(values):
        values = values.view(values.real.dtype)
    values = values.astype(numpy.float64)
    directions = numbers(values.size, seed=99)
    return {
        "count": int(values.size),
        "norm": float(numpy.sqrt((values * values).sum())),
        "projection": float((values * directions).sum() * 3**0.5),
    }
