"""Cases of PyTorch, and what all files of its cases share."""
import time

import torch

import inputs

CASES = {}


def set_threads(count):
    torch.set_num_threads(count)


def numbers(*shape, seed):
    return torch.from_numpy(inputs.numbers(*shape, seed=seed))


def integers(*shape, below, seed):
    return torch.from_numpy(inputs.integers(*shape, below=below, seed=seed))


def images(*shape, seed):
    """`[batch, height, width, channels]` as PyTorch has it: the same numbers under `[batch, channels, height, width]`."""
    return numbers(*shape, seed=seed).permute(0, 3, 1, 2)


def arrays(found, layout="plain"):
    """Results as arrays; `layout` "images" brings the second axis of those with four back to the end."""
    if isinstance(found, torch.Tensor):
        found = [found]
    plain = [x.detach() for x in found]
    if layout == "images":
        plain = [x.permute(0, 2, 3, 1) if x.dim() == 4 else x for x in plain]
    return [x.contiguous().numpy() for x in plain]


def quiet(body, layout="plain"):
    """The body without recording gradients."""

    def run():
        with torch.inference_mode():
            return body()

    run.results = lambda: arrays(run(), layout)
    return run


def gradients(function, operands, cotangent_seed=None, layout="plain"):
    """A function of tensors and its gradients with respect to all of them, forward and backward.

    The gradient of the result is 1 for a scalar, else numbers of the seed in Mercer's layout.
    """
    operands = [x.detach().requires_grad_() for x in operands]
    y = function(*operands)
    if y.dim() == 0:
        cotangent = torch.ones(())
    elif layout == "images" and y.dim() == 4:
        n, c, h, w = y.shape
        cotangent = images(n, h, w, c, seed=cotangent_seed)
        if y.is_contiguous():
            cotangent = cotangent.contiguous()
    else:
        cotangent = numbers(*y.shape, seed=cotangent_seed)

    def run():
        y = function(*operands)
        return (y, *torch.autograd.grad(y, operands, cotangent))

    run.results = lambda: arrays(run(), layout)
    return run


def fastest(bodies):
    """The body that takes least time, of those that compute the same in other memory formats."""
    best, least = None, float("inf")
    for body in bodies:
        taken = []
        # What takes long takes no longer the first time.
        while len(taken) < 3 and (not taken or taken[0] < 0.1):
            start = time.perf_counter()
            body()
            taken.append(time.perf_counter() - start)
        if min(taken) < least:
            best, least = body, min(taken)
    return best


FORMATS = (torch.contiguous_format, torch.channels_last)


def in_formats(x):
    """A tensor in each memory format."""
    return [x.contiguous(memory_format=one) for one in FORMATS]


def preallocated(name, make):
    """Registers a case whose function takes `out=`, with fresh and with preallocated results.

    `make(**parameters)` returns the function of `out`.
    """

    def fresh(**parameters):
        function = make(**parameters)
        return quiet(lambda: function(None))

    def given(**parameters):
        function = make(**parameters)
        with torch.inference_mode():
            out = function(None).clone()
        return quiet(lambda: function(out))

    CASES[name] = fresh
    CASES[f"{name}:preallocated"] = given


# Matrix products.


def product(left, right):
    def prepare(m, k, n):
        a = numbers(*((k, m) if left else (m, k)), seed=1)
        b = numbers(*((n, k) if right else (k, n)), seed=2)
        return quiet(lambda: (a.T if left else a) @ (b.T if right else b))

    return prepare


CASES["matmul"] = product(False, False)
CASES["matmul-at-b"] = product(True, False)
CASES["matmul-a-bt"] = product(False, True)


def linear(activation):
    def layer(x, weight, bias):
        return activation(torch.nn.functional.linear(x, weight, bias))

    def operands(rows, inputs, outputs):
        return [
            numbers(rows, inputs, seed=1), numbers(outputs, inputs, seed=2) * inputs**-0.5, numbers(outputs, seed=3)
        ]

    def forward(**size):
        x = operands(**size)
        return quiet(lambda: layer(*x))

    return forward, lambda **size: gradients(layer, operands(**size), 4)


for name, activation in {"gelu": torch.nn.functional.gelu, "silu": torch.nn.functional.silu}.items():
    CASES[f"linear-{name}"], CASES[f"linear-{name}-gradients"] = linear(activation)


# Attention.


def attention(causal):
    def layer(q, k, v):
        return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)

    def operands(heads, tokens, head):
        return [numbers(1, heads, tokens, head, seed=seed) for seed in (1, 2, 3)]

    def forward(**size):
        x = operands(**size)
        return quiet(lambda: layer(*x))

    return forward, lambda **size: gradients(layer, operands(**size), 4)


CASES["attention"], CASES["attention-gradients"] = attention(False)
CASES["attention-causal"], CASES["attention-causal-gradients"] = attention(True)


# Fourier transforms.


def fft2(side):
    x = torch.complex(numbers(side, side, seed=1), numbers(side, side, seed=2))

    def body():
        with torch.inference_mode():
            return torch.fft.fft2(x)

    body.results = lambda: [torch.view_as_real(body()).numpy()]
    return body


CASES["fft2"] = fft2


# Small tensors: what an operation costs before it computes.


def small_add(count):
    x, y = numbers(count, seed=1), numbers(count, seed=2)

    def body():
        with torch.inference_mode():
            for _ in range(100):
                x + y

    return body


def small_chain(count):
    x, y = numbers(count, seed=1).requires_grad_(), numbers(count, seed=2)

    def body():
        z = x
        for _ in range(100):
            z = z + y
        return torch.autograd.grad(z.sum(), [x])

    body.results = lambda: arrays(body())
    return body


CASES["small-add"] = small_add
CASES["small-recorded"] = small_chain
