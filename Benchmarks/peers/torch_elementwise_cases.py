"""Cases of PyTorch: functions of elements, reductions and copies, on shapes `[rows, columns]`."""
import torch

from torch_cases import CASES as SHARED, gradients, integers, numbers, preallocated

CASES = SHARED


def unary(name, function):
    def make(rows, columns):
        x = numbers(rows, columns, seed=1)
        return lambda out: function(x, out=out) if out is not None else function(x)

    preallocated(name, make)


unary("exp", torch.exp)
unary("tanh", torch.tanh)


def positive(name, function):
    def make(rows, columns):
        x = numbers(rows, columns, seed=1) + 1.25
        return lambda out: function(x, out=out)

    preallocated(name, make)


positive("log", torch.log)
positive("sqrt", torch.sqrt)

# GELU takes `out` only behind its Python function; SiLU too.
unary("gelu", lambda x, out=None: torch.nn.functional.gelu(x) if out is None else torch._C._nn.gelu(x, out=out))
unary("silu", lambda x, out=None: torch.nn.functional.silu(x) if out is None else torch._C._nn.silu(x, out=out))
CASES["gelu-gradients"] = lambda rows, columns: gradients(
    torch.nn.functional.gelu, [numbers(rows, columns, seed=1)], 4)
CASES["silu-gradients"] = lambda rows, columns: gradients(
    torch.nn.functional.silu, [numbers(rows, columns, seed=1)], 4)


def several(name, count, function):
    def make(rows, columns):
        operands = [numbers(rows, columns, seed=1 + i) for i in range(count)]
        return lambda out: function(*operands, out=out)

    preallocated(name, make)


several("add", 2, torch.add)
several("multiply", 2, torch.mul)
several("multiply-add", 3, lambda a, b, c, out=None: torch.addcmul(c, a, b, out=out))
several("concatenate", 2, lambda a, b, out=None: torch.cat([a, b], 1, out=out))


def add_row(rows, columns):
    x, row = numbers(rows, columns, seed=1), numbers(columns, seed=2)
    return lambda out: torch.add(x, row, out=out)


preallocated("add-row", add_row)


def reduction(name, function):
    several(name, 1, function)


reduction("sum-last", lambda x, out=None: torch.sum(x, 1, out=out))
reduction("sum-first", lambda x, out=None: torch.sum(x, 0, out=out))
reduction("mean-all", lambda x, out=None: torch.mean(x, (0, 1), out=out))
reduction("max-last", lambda x, out=None: torch.amax(x, 1, out=out))
reduction("max-first", lambda x, out=None: torch.amax(x, 0, out=out))
reduction("variance-last", lambda x, out=None: torch.var(x, 1, correction=1, out=out))


def transpose(rows, columns):
    x = numbers(rows, columns, seed=1)
    return lambda out: x.T.contiguous() if out is None else out.copy_(x.T)


preallocated("transpose", transpose)


def channels_first(rows, columns):
    x = numbers(16, rows // 16, columns, seed=1)
    return lambda out: x.transpose(1, 2).contiguous() if out is None else out.copy_(x.transpose(1, 2))


preallocated("transpose-channels", channels_first)


def gather_rows(rows, columns):
    x, index = numbers(rows, columns, seed=1), integers(rows, below=rows, seed=2)
    return lambda out: torch.index_select(x, 0, index, out=out)


preallocated("gather-rows", gather_rows)


def gather_elements(rows, columns):
    x, index = numbers(rows, columns, seed=1), integers(rows, columns, below=columns, seed=2)
    return lambda out: torch.gather(x, 1, index, out=out)


preallocated("gather-elements", gather_elements)
