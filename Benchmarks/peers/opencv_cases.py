"""Cases of OpenCV."""
import cv2

import inputs

CASES = {}


def set_threads(count):
    cv2.setNumThreads(count)


def box(height, width, toHeight, toWidth):
    pixels = inputs.pixels(height, width, 3, seed=1)

    def body():
        return cv2.resize(pixels, (toWidth, toHeight), interpolation=cv2.INTER_AREA)

    body.results = lambda: [body()]
    return body


CASES["resize-box"] = box
