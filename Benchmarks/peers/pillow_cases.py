"""Cases of Pillow."""
import numpy
from PIL import Image

import inputs

CASES = {}


def set_threads(count):
    """Pillow resizes on one thread."""


def resize(method, isSame=True):
    def prepare(height, width, toHeight, toWidth):
        image = Image.fromarray(inputs.pixels(height, width, 3, seed=1))

        def body():
            return image.resize((toWidth, toHeight), method)

        if isSame:
            body.results = lambda: [numpy.asarray(body())]
        return body

    return prepare


CASES["resize-box"] = resize(Image.Resampling.BOX)
CASES["resize-bilinear"] = resize(Image.Resampling.BILINEAR)
CASES["resize-bicubic"] = resize(Image.Resampling.BICUBIC)
CASES["resize-lanczos3"] = resize(Image.Resampling.LANCZOS)
# Another filter, held against it by time alone.
CASES["muller"] = resize(Image.Resampling.BICUBIC, isSame=False)
