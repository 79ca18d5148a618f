"""The real Fourier transform of pictures in SciPy (pocketfft)."""
import numpy
import scipy.fft

CASES = {}


def real_fft2(side):
    x = numpy.random.default_rng(0).standard_normal((side, side), dtype=numpy.float32)
    return lambda: scipy.fft.rfft2(x)


CASES["real-fft2"] = real_fft2
