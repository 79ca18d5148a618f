"""Cases of PyTorch: training steps of small networks, forward, backward and update, and an optimiser alone."""
import torch
from torch import nn
from torch.nn import functional

from torch_cases import arrays, fastest, images, numbers

CASES = {}


def fill(module):
    """Parameters that Mercer's side has too: numbers scaled by 1/√fan-in, seeded in the order of the parameters.

    Weights of convolutions are read as [output, height, width, input]; vectors are small.
    """
    with torch.no_grad():
        for seed, parameter in enumerate(module.parameters(), start=11):
            if parameter.dim() == 4:
                o, i, h, w = parameter.shape
                parameter.copy_(numbers(o, h, w, i, seed=seed).permute(0, 3, 1, 2) * (i * h * w) ** -0.5)
            elif parameter.dim() == 2:
                parameter.copy_(numbers(*parameter.shape, seed=seed) * parameter.shape[1] ** -0.5)
            else:
                parameter.copy_(numbers(*parameter.shape, seed=seed) * 0.1 + 0.5)
    return module


def step(module, loss, x, target):
    """A step of AdamW whose first loss is the result that is compared."""
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-7, fused=True)

    def run():
        optimizer.zero_grad(set_to_none=True)
        value = loss(module(x), target)
        value.backward()
        optimizer.step()
        return value

    run.results = lambda: arrays(run())
    return run


def in_formats(make, loss, x, target):
    bodies = []
    for one in (torch.contiguous_format, torch.channels_last):
        module = fill(make()).to(memory_format=one)
        bodies.append(
            step(module, loss, x.contiguous(memory_format=one), target.contiguous(memory_format=one)))
    return fastest(bodies)


def espcn(batch, side, scale):
    def make():
        return nn.Sequential(
            nn.Conv2d(1, 64, 5, padding=2), nn.Tanh(), nn.Conv2d(64, 32, 3, padding=1), nn.Tanh(),
            nn.Conv2d(32, scale**2, 3, padding=1), nn.PixelShuffle(scale))

    x = images(batch, side, side, 1, seed=1)
    target = images(batch, side * scale, side * scale, 1, seed=2)
    return in_formats(make, functional.mse_loss, x, target)


class ConvNeXtBlock(nn.Module):
    def __init__(self, channels, kernel):
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.expand = nn.Linear(channels, 4 * channels)
        self.project = nn.Linear(4 * channels, channels)
        self.scale = nn.Parameter(torch.ones(channels))

    def forward(self, x):
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.project(functional.gelu(self.expand(y))) * self.scale
        return x + y.permute(0, 3, 1, 2)


def convnext(batch, side, channels, blocks, kernel):
    x = images(batch, side, side, channels, seed=1)
    target = images(batch, side, side, channels, seed=2)
    return in_formats(
        lambda: nn.Sequential(*(ConvNeXtBlock(channels, kernel) for _ in range(blocks))), functional.mse_loss, x,
        target)


class TransformerBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.qkv = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.expand = nn.Linear(width, 4 * width)
        self.project = nn.Linear(4 * width, width)

    def forward(self, x):
        b, t, w = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(q, k, v)
        x = x + self.output(seen.transpose(1, 2).reshape(b, t, w))
        return x + self.project(functional.gelu(self.expand(self.norm2(x))))


def vit(batch, tokens, width, heads, blocks):
    module = fill(nn.Sequential(*(TransformerBlock(width, heads) for _ in range(blocks))))
    x, target = numbers(batch, tokens, width, seed=1), numbers(batch, tokens, width, seed=2)
    return step(module, functional.mse_loss, x, target)


def adamw(tensors, count):
    bodies = []
    for options in ({"foreach": True}, {"fused": True}):
        parameters = [nn.Parameter(numbers(count, seed=1 + i)) for i in range(tensors)]
        for i, parameter in enumerate(parameters):
            parameter.grad = numbers(count, seed=101 + i)
        bodies.append(torch.optim.AdamW(parameters, lr=1e-3, **options).step)
    return fastest(bodies)


CASES["train-espcn"] = espcn
CASES["train-convnext"] = convnext
CASES["train-vit"] = vit
CASES["adamw"] = adamw
