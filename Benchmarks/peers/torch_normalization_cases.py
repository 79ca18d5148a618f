"""Cases of PyTorch: normalisations, softmax and cross entropy, forward and with gradients."""
import torch
from torch.nn import functional

from torch_cases import FORMATS, fastest, gradients, images, in_formats, integers, numbers, quiet

CASES = {}


def rows_case(name, function, weights):
    """A function of `[rows, columns]` and so many vectors of `columns` numbers."""

    def operands(rows, columns):
        return [numbers(rows, columns, seed=1)] + [numbers(columns, seed=2 + i) for i in range(weights)]

    def forward(**size):
        x = operands(**size)
        return quiet(lambda: function(*x))

    CASES[name] = forward
    CASES[f"{name}-gradients"] = lambda **size: gradients(function, operands(**size), 4)


rows_case("layer-norm", lambda x, w, b: functional.layer_norm(x, x.shape[1:], w, b, 1e-5), 2)
rows_case("rms-norm", lambda x, w: functional.rms_norm(x, x.shape[1:], w, 1e-5), 1)
rows_case("softmax", lambda x: torch.softmax(x, 1), 0)
rows_case("log-softmax", lambda x: torch.log_softmax(x, 1), 0)
rows_case("softmax-first", lambda x: torch.softmax(x, 0), 0)


def cross_entropy(rows, columns):
    x, target = numbers(rows, columns, seed=1), integers(rows, below=columns, seed=2)
    return x, lambda x: functional.cross_entropy(x, target)


def cross_entropy_forward(**size):
    x, function = cross_entropy(**size)
    return quiet(lambda: function(x))


def cross_entropy_gradients(**size):
    x, function = cross_entropy(**size)
    return gradients(function, [x])


CASES["cross-entropy"] = cross_entropy_forward
CASES["cross-entropy-gradients"] = cross_entropy_gradients


def images_case(name, function):
    """A function of images, a weight and a bias for each channel."""

    def operands(batch, side, channels):
        x = images(batch, side, side, channels, seed=1)
        return [[y, numbers(channels, seed=2), numbers(channels, seed=3)] for y in in_formats(x)]

    def forward(**size):
        return fastest([quiet(lambda x=x: function(*x), "images") for x in operands(**size)])

    CASES[name] = forward
    CASES[f"{name}-gradients"] = lambda **size: fastest(
        [gradients(function, x, 4, "images") for x in operands(**size)])


images_case("batch-norm", lambda x, w, b: functional.batch_norm(x, None, None, w, b, True, 0.1, 1e-5))
images_case("group-norm", lambda x, w, b: functional.group_norm(x, 32, w, b, 1e-5))
