"""ESPCN and ADK-Net in PyTorch."""
import torch
from torch import nn
from torch.nn import functional as F

CASES = {}


def case(name):
    def register(function):
        CASES[name] = function
        return function

    return register


def quiet(body):
    def run():
        with torch.inference_mode():
            body()

    return run


def espcn_net(scale):
    return nn.Sequential(
        nn.Conv2d(1, 64, 5, padding=2), nn.Tanh(), nn.Conv2d(64, 32, 3, padding=1), nn.Tanh(),
        nn.Conv2d(32, scale * scale, 3, padding=1), nn.PixelShuffle(scale),
    )


@case("espcn")
def espcn(height, width, scale):
    net, x = espcn_net(scale).eval(), torch.rand(1, 1, height, width)
    return quiet(lambda: net(x))


@case("espcn-step")
def espcn_step(batch, side, scale):
    net = espcn_net(scale)
    x, target = torch.rand(batch, 1, side, side), torch.rand(batch, 1, side * scale, side * scale)

    def run():
        net.zero_grad(set_to_none=True)
        F.mse_loss(net(x), target).backward()

    return run


def resample(x, kernels, scale, side):
    """Windows unfolded, multiplied and added up. kernels: [N, 3, k², h, w]."""
    before = (side - scale) // 2
    after = side - scale - before
    n, c, h, w = x.shape
    windows = F.unfold(F.pad(x, (before, after, before, after), mode="reflect"), side, stride=scale)
    return (windows.view(n, c, side * side, h // scale, w // scale) * kernels).sum(2)


@case("adaptive")
def adaptive(height, width, scale, kernel):
    x = torch.rand(1, 3, height, width)
    kernels = torch.rand(1, 3, kernel * kernel, height // scale, width // scale)
    return quiet(lambda: resample(x, kernels, scale, kernel))


def mirrored(inputs, outputs, side):
    return nn.Sequential(nn.ReflectionPad2d(side // 2), nn.Conv2d(inputs, outputs, side))


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1, self.conv2 = mirrored(channels, channels, 3), mirrored(channels, channels, 3)

    def forward(self, x):
        return x + self.conv2(F.leaky_relu(self.conv1(x), 0.2))


class Generator(nn.Module):
    def __init__(self, channels, taps):
        super().__init__()
        self.trunk, self.branch = Block(channels), Block(channels)
        self.project = mirrored(channels, taps, 3)

    def forward(self, x):
        return self.project(self.branch(x + self.trunk(x)))


class ADK(nn.Module):
    def __init__(self, scale, side, channels=16, blocks=2):
        super().__init__()
        self.scale, self.side = scale, side
        self.head = mirrored(3, channels, 5)
        self.down = nn.Conv2d(channels * scale * scale, channels, 1)
        self.body = nn.Sequential(*(Block(channels) for _ in range(blocks)))
        self.generators = nn.ModuleList(Generator(channels, side * side) for _ in range(3))

    def forward(self, x):
        f = self.down(F.pixel_unshuffle(F.leaky_relu(self.head(x - 0.4), 0.2), self.scale))
        f = f + self.body(f)
        kernels = torch.stack([generator(f) for generator in self.generators], 1)
        return resample(x, kernels, self.scale, self.side)


@case("adk")
def adk(height, width, scale, kernel):
    net, x = ADK(scale, kernel).eval(), torch.randint(0, 256, (1, 3, height, width), dtype=torch.uint8)
    return quiet(lambda: (net(x.float() / 255).clamp(0, 1) * 255 + 0.5).to(torch.uint8))


@case("adk-step")
def adk_step(batch, side, scale, kernel):
    net = ADK(scale, kernel)
    x, target = torch.rand(batch, 3, side, side), torch.rand(batch, 3, side // scale, side // scale)

    def run():
        net.zero_grad(set_to_none=True)
        F.l1_loss(net(x), target).backward()

    return run
