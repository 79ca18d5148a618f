"""Cases of Pillow."""
import numpy
from PIL import Image

CASES = {}


def set_threads(count):
    """Pillow resizes on one thread."""


def resize(method):
    def prepare(height, width, toHeight, toWidth):
        pixels = numpy.random.default_rng(1).integers(0, 256, (height, width, 3)).astype(numpy.uint8)
        image = Image.fromarray(pixels)
        return lambda: image.resize((toWidth, toHeight), method)

    return prepare


CASES["resize-bilinear"] = resize(Image.Resampling.BILINEAR)
CASES["resize-bicubic"] = resize(Image.Resampling.BICUBIC)
CASES["resize-lanczos3"] = resize(Image.Resampling.LANCZOS)
CASES["muller"] = resize(Image.Resampling.BICUBIC)
