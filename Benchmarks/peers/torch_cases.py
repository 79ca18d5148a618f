"""Cases of PyTorch."""
import torch

import torch_rescale
import torch_restore

CASES = {}


def case(name):
    def register(function):
        CASES[name] = torch.inference_mode()(function)
        return function

    return register


def set_threads(count):
    torch.set_num_threads(count)


def quiet(body):
    """The body without recording gradients."""

    def run():
        with torch.inference_mode():
            body()

    return run


@case("matmul")
def matmul(m, k, n):
    a, b = torch.randn(m, k), torch.randn(k, n)
    return quiet(lambda: a @ b)


def unary(name, function):
    CASES[name] = lambda count: (lambda x: quiet(lambda: function(x)))(torch.rand(count) + 0.1)


unary("exp", torch.exp)
unary("tanh", torch.tanh)
unary("sqrt", torch.sqrt)
unary("log", torch.log)


@case("add")
def add(count):
    x, y = torch.rand(count), torch.rand(count)
    return quiet(lambda: x + y)


@case("multiply")
def multiply(count):
    x, y = torch.rand(count), torch.rand(count)
    return quiet(lambda: x * y)


@case("add-row")
def add_row(rows, columns):
    x, row = torch.rand(rows, columns), torch.rand(columns)
    return quiet(lambda: x + row)


def reduction(name, function):
    CASES[name] = lambda rows, columns: (lambda x: quiet(lambda: function(x)))(torch.randn(rows, columns))


reduction("sum-last", lambda x: x.sum(1))
reduction("sum-first", lambda x: x.sum(0))
reduction("max-last", lambda x: x.amax(1))
reduction("variance-last", lambda x: x.var(1))


@case("muller")
def muller(height, width, toHeight, toWidth):
    """MULLER as its equations stand, with the published weights."""
    taps = torch.exp(-torch.arange(-2.0, 3.0) ** 2 / 2)
    taps = taps / taps.sum()
    rows = taps.reshape(1, 1, 1, 5).repeat(3, 1, 1, 1)
    columns = taps.reshape(1, 1, 5, 1).repeat(3, 1, 1, 1)
    pixels = torch.randint(0, 256, (1, 3, height, width), dtype=torch.uint8)

    def blur(x):
        x = torch.nn.functional.conv2d(x, rows, padding=(0, 2), groups=3)
        return torch.nn.functional.conv2d(x, columns, padding=(2, 0), groups=3)

    def small(x):
        return torch.nn.functional.interpolate(x, (toHeight, toWidth), mode="bilinear", align_corners=False)

    def body():
        x = pixels.float() / 255
        y = small(x)
        for weight, bias in [(1.892, -0.014), (-11.295, 0.003)]:
            blurred = blur(x)
            y = y + torch.tanh(weight * small(blurred - x) + bias)
            x = blurred
        return (y.clamp(0, 1) * 255).round().to(torch.uint8)

    return quiet(body)


CASES.update(torch_rescale.CASES)
CASES.update(torch_restore.CASES)
