"""Invertible rescaling in PyTorch, as IRN's modules are made: Haar, dense subnets, coupling blocks."""
import torch
from torch import nn
from torch.nn import functional as F

CASES = {}


class Dense(nn.Module):
    def __init__(self, inputs, outputs, growth):
        super().__init__()
        widths = [growth] * 4 + [outputs]
        self.layers = nn.ModuleList(
            nn.Conv2d(inputs + i * growth, width, 3, 1, 1) for i, width in enumerate(widths)
        )
        nn.init.zeros_(self.layers[-1].weight)
        nn.init.zeros_(self.layers[-1].bias)

    def forward(self, x):
        maps = [x]
        for layer in self.layers[:-1]:
            maps.append(F.leaky_relu(layer(torch.cat(maps, 1)), 0.2, inplace=True))
        return self.layers[-1](torch.cat(maps, 1))


class Block(nn.Module):
    def __init__(self, first, second, growth, context=0):
        super().__init__()
        self.first = first
        self.f = Dense(second + context, first, growth)
        self.g = Dense(first + context, second, growth)
        self.h = Dense(first + context, second, growth)

    def scale(self, x):
        return 2 * torch.sigmoid(self.h(x)) - 1

    def forward(self, x, context=None):
        a, b = x[:, : self.first], x[:, self.first :]
        see = (lambda t: t) if context is None else (lambda t: torch.cat([t, context], 1))
        a = a + self.f(see(b))
        b = b * torch.exp(self.scale(see(a))) + self.g(see(a))
        return torch.cat([a, b], 1)

    def inverse(self, y):
        a, b = y[:, : self.first], y[:, self.first :]
        b = (b - self.g(a)) / torch.exp(self.scale(a))
        return torch.cat([a - self.f(b), b], 1)


class Haar(nn.Module):
    def __init__(self, channels):
        super().__init__()
        cell = torch.tensor([[1.0, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]])
        self.channels = channels
        self.register_buffer("weights", cell.reshape(4, 1, 2, 2).repeat(channels, 1, 1, 1))

    def forward(self, x):
        n, c, h, w = x.shape
        y = F.conv2d(x, self.weights, stride=2, groups=c) / 4
        return y.reshape(n, c, 4, h // 2, w // 2).transpose(1, 2).reshape(n, 4 * c, h // 2, w // 2)

    def inverse(self, y):
        n, _, h, w = y.shape
        y = y.reshape(n, 4, self.channels, h, w).transpose(1, 2).reshape(n, 4 * self.channels, h, w)
        return F.conv_transpose2d(y, self.weights, stride=2, groups=self.channels)


class Network(nn.Module):
    def __init__(self, blocks, growth):
        super().__init__()
        self.haar = Haar(3)
        self.blocks = nn.ModuleList(Block(3, 9, growth) for _ in range(blocks))

    def forward(self, x):
        x = self.haar(x)
        for block in self.blocks:
            x = block(x)
        return x

    def inverse(self, y):
        for block in reversed(self.blocks):
            y = block.inverse(y)
        return self.haar.inverse(y)


def forward(side, blocks, growth):
    network = Network(blocks, growth)
    x = torch.rand(1, 3, side, side)

    def run():
        with torch.inference_mode():
            network(x)

    return run


def step(side, batch, blocks, growth):
    network = Network(blocks, growth)
    x = torch.rand(batch, 3, side, side)
    reference = F.avg_pool2d(x, 2)

    def run():
        network.zero_grad(set_to_none=True)
        out = network(x)
        y, z = out[:, :3], out[:, 3:]
        levels = (y.clamp(0, 1) * 255).round() / 255
        low = y + (levels - y).detach()
        restored = network.inverse(torch.cat([low, torch.zeros_like(z)], 1))
        loss = 4 * ((y - reference) ** 2).sum() / batch + (z**2).sum() / batch
        loss = loss + ((x - restored) ** 2 + 1e-6).sqrt().sum() / batch
        loss.backward()

    return run


def arbitrary(side, blocks, growth):
    network = nn.ModuleList(Block(12, 12, growth, 4) for _ in range(blocks))
    haar = Haar(3)
    low, high = torch.rand(1, 3, side, side), torch.rand(1, 3, side, side)
    context = torch.rand(1, 4, side // 2, side // 2)

    def run():
        with torch.inference_mode():
            x = torch.cat([haar(low), haar(high)], 1)
            for block in network:
                x = block(x, context)
            haar.inverse(x[:, :12])
            haar.inverse(x[:, 12:])

    return run


CASES["irn-forward"] = forward
CASES["irn-step"] = step
CASES["iarn-forward"] = arbitrary
