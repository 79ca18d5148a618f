"""DRP and λ-PNN in PyTorch, as their official code builds them."""
import torch
import torch.nn.functional as F
from torch import nn

CASES = {}


def conv(inputs, outputs, side, stride=1):
    return nn.Conv2d(inputs, outputs, side, stride, side // 2, padding_mode="reflect" if side > 1 else "zeros")


def block(inputs, outputs, side, stride=1):
    return nn.Sequential(conv(inputs, outputs, side, stride), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2))


class Scale(nn.Module):
    def __init__(self, inputs, channels, skips):
        super().__init__()
        down, skip = channels[0], skips[0]
        self.skip = block(inputs, skip, 1)
        self.down = nn.Sequential(block(inputs, down, 3, 2), block(down, down, 3))
        self.deeper = Scale(down, channels[1:], skips[1:]) if len(channels) > 1 else nn.Identity()
        below = channels[1] if len(channels) > 1 else down
        self.up = nn.Sequential(
            nn.BatchNorm2d(skip + below), block(skip + below, down, 3), block(down, down, 1))

    def forward(self, x):
        past, deep = self.skip(x), self.deeper(self.down(x))
        deep = F.interpolate(deep, scale_factor=2, mode="bilinear", align_corners=True)
        h, w = min(past.shape[2], deep.shape[2]), min(past.shape[3], deep.shape[3])

        def centre(y):
            top, left = (y.shape[2] - h) // 2, (y.shape[3] - w) // 2
            return y[:, :, top:top + h, left:left + w]

        return self.up(torch.cat([centre(past), centre(deep)], 1))


def deblur(side, paper):
    if paper:
        sizes = [[128] * 5, [16] * 5], [[16, 16, 32, 64, 64], [4] * 5]
    else:
        sizes = [[20] * 4, [4] * 4], [[8, 8, 16, 16], [4] * 4]
    nets = [nn.Sequential(Scale(1, *size), nn.Conv2d(size[0][0], 1, 1)) for size in sizes]
    z = [torch.rand(1, 1, side, side) * 0.1 for _ in nets]
    y = torch.rand(1, 1, side, side)
    kernel = torch.zeros(side, side)
    kernel[:7, :7] = 1 / 49
    transfer = torch.fft.rfft2(kernel.roll((-3, -3), (0, 1)))
    optimizer = torch.optim.Adam([p for net in nets for p in net.parameters()], 5e-3)
    average = torch.zeros_like(y)

    def run():
        optimizer.zero_grad()
        x = F.leaky_relu(nets[0](z[0]), 0.2)
        r = F.softshrink(nets[1](z[1]), 0.005)
        kx = torch.fft.irfft2(torch.fft.rfft2(x) * transfer, s=(side, side))
        smooth = ((x[:, :, 1:] - x[:, :, :-1]) ** 2).mean() + ((x[..., 1:] - x[..., :-1]) ** 2).mean()
        loss = ((kx + r - y) ** 2).mean() + 0.02 * r.abs().mean() + 0.04 * smooth
        loss.backward()
        optimizer.step()
        average.mul_(0.99).add_(x.detach(), alpha=0.01)

    return run


class Attention(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(features, features // 4), nn.ReLU(), nn.Linear(features // 4, features))
        self.spatial = conv(2, 1, 7)

    def forward(self, x):
        x = x * torch.sigmoid(self.mlp(x.mean((2, 3))) + self.mlp(x.amax((2, 3))))[:, :, None, None]
        return x * torch.sigmoid(self.spatial(torch.cat([x.amax(1, True), x.mean(1, True)], 1)))


class Fusion(nn.Module):
    def __init__(self, bands, features=64):
        super().__init__()
        self.first = nn.Sequential(
            conv(bands + 1, features, 3), nn.ReLU(), conv(features, features, 3), nn.ReLU())
        self.gates = nn.ModuleList(Attention(features) for _ in range(2))
        self.blocks = nn.ModuleList(
            nn.Sequential(conv(features, features, 3), nn.GELU(), conv(features, features, 3)) for _ in range(2))
        self.last = conv(features, bands, 5)

    def forward(self, x):
        y = self.first(x)
        y = self.gates[0](y) + y
        for block in self.blocks:
            y = y + block(y)
        return self.last(self.gates[1](y) + y) + x[:, :-1]


def box(x, half):
    """Sums over windows of 2·half, from half − 1 before to half after, by summed areas in float64."""
    table = F.pad(x, (half, half, half, half)).cumsum(2).cumsum(3)
    return (table[:, :, 2 * half:, 2 * half:] - table[:, :, :-2 * half, 2 * half:]
            - table[:, :, 2 * half:, :-2 * half] + table[:, :, :-2 * half, :-2 * half])


def correlation(a, b, half):
    a, b = a.double(), b.double()
    n = 4 * half * half
    a, b = a - box(a, half) / n, b - box(b, half) / n
    size = box(a * a, half).clamp(min=1e-20) * box(b * b, half).clamp(min=1e-20)
    return box(a * b, half) / (size.sqrt() + 1e-20)


def pansharpen(side, bands):
    net = Fusion(bands)
    x = torch.rand(1, bands + 1, side, side)
    ms = torch.rand(1, bands, side // 4, side // 4) + 0.5
    kernel = torch.rand(bands, 1, 41, 41)
    kernel = kernel / kernel.sum((2, 3), keepdim=True)
    threshold = torch.rand(1, bands, side, side)
    optimizer = torch.optim.Adam(net.parameters(), 5e-5, weight_decay=1e-4)

    def run():
        optimizer.zero_grad()
        y = net(x)
        coarse = F.conv2d(F.pad(y, (20,) * 4, mode="replicate"), kernel, groups=bands)[:, :, 2::4, 2::4]
        ergas = 25 * (((coarse - ms) ** 2).mean((2, 3)) / ms.mean((2, 3)) ** 2).mean(1).sqrt().mean()
        unlike = 1 - correlation(y, x[:, -1:], 2).clamp(min=-1)
        loss = 0.075 * ergas + 7 * (unlike * (unlike > threshold)).mean()
        loss.backward()
        optimizer.step()

    return run


def local_correlation(side, bands):
    y, x = torch.rand(1, bands, side, side, requires_grad=True), torch.rand(1, 1, side, side)

    def run():
        torch.autograd.grad(correlation(y, x, 2).mean(), y)

    return run


CASES["deblur-step-small"] = deblur
CASES["deblur-step-paper"] = deblur
CASES["pansharpen-step"] = pansharpen
CASES["local-correlation"] = local_correlation
