"""Cases of PyTorch: resizing pictures of bytes, and MULLER as its equations stand."""
import torch
from torch.nn import functional

import inputs
from torch_cases import quiet

CASES = {}


def resize(mode):
    """Antialiased interpolation of bytes whose channels lie last, which PyTorch has kernels for."""

    def prepare(height, width, toHeight, toWidth):
        pixels = torch.from_numpy(inputs.pixels(1, height, width, 3, seed=1)).permute(0, 3, 1, 2)
        return quiet(
            lambda: functional.interpolate(
                pixels, (toHeight, toWidth), mode=mode, align_corners=False, antialias=True), "images")

    return prepare


CASES["resize-bilinear"] = resize("bilinear")
CASES["resize-bicubic"] = resize("bicubic")


def muller(height, width, toHeight, toWidth):
    """MULLER as its equations stand, with the published weights."""
    taps = torch.exp(-torch.arange(-2.0, 3.0) ** 2 / 2)
    taps = taps / taps.sum()
    rows = taps.reshape(1, 1, 1, 5).repeat(3, 1, 1, 1)
    columns = taps.reshape(1, 1, 5, 1).repeat(3, 1, 1, 1)
    pixels = torch.from_numpy(inputs.pixels(1, height, width, 3, seed=1)).permute(0, 3, 1, 2).contiguous()

    def blur(x):
        x = functional.conv2d(x, rows, padding=(0, 2), groups=3)
        return functional.conv2d(x, columns, padding=(2, 0), groups=3)

    def small(x):
        return functional.interpolate(x, (toHeight, toWidth), mode="bilinear", align_corners=False)

    def body():
        with torch.inference_mode():
            x = pixels.float() / 255
            y = small(x)
            for weight, bias in [(1.892, -0.014), (-11.295, 0.003)]:
                blurred = blur(x)
                y = y + torch.tanh(weight * small(blurred - x) + bias)
                x = blurred
            return (y.clamp(0, 1) * 255).round().to(torch.uint8)

    return body


CASES["muller"] = muller
