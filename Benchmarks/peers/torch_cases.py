"""Cases of PyTorch."""
import torch

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
