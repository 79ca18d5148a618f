"""Cases of PyTorch: convolutions, their gradients, and other operations on images."""
import torch
from torch.nn import functional

from torch_cases import arrays, fastest, gradients, images, in_formats, numbers, quiet

CASES = {}


def geometry(kernelHeight, kernelWidth, stride, dilation, **_):
    padding = [(kernelHeight - 1) * dilation // 2, (kernelWidth - 1) * dilation // 2]
    return dict(stride=[stride] * 2, padding=padding, dilation=[dilation] * 2)


def operands(batch, side, inputs, outputs, groups, kernelHeight, kernelWidth, **_):
    x = images(batch, side, side, inputs, seed=1)
    weight = images(outputs, kernelHeight, kernelWidth, inputs // groups, seed=2)
    return list(zip(in_formats(x), in_formats(weight)))


def forward(**size):
    options = dict(geometry(**size), groups=size["groups"])
    return fastest([
        quiet(lambda x=x, w=w: functional.conv2d(x, w, **options), "images") for x, w in operands(**size)
    ])


def backward(mask):
    """One of the two gradients alone, as autograd computes it."""

    def prepare(**size):
        options = geometry(**size)
        bodies = []
        for x, w in operands(**size):
            y = functional.conv2d(x, w, **options, groups=size["groups"])
            n, c, h, wide = y.shape
            g = images(n, h, wide, c, seed=3)
            if y.is_contiguous():
                g = g.contiguous()

            def body(x=x, w=w, g=g):
                found = torch.ops.aten.convolution_backward(
                    g, x, w, None, options["stride"], options["padding"], options["dilation"], False, [0, 0],
                    size["groups"], mask)
                return found[0] if mask[0] else found[1]

            bodies.append(quiet(body, "images"))
        return fastest(bodies)

    return prepare


for kind in ("convolution", "depthwise"):
    CASES[kind] = forward
    CASES[f"{kind}-input-gradient"] = backward([True, False, False])
    CASES[f"{kind}-weight-gradient"] = backward([False, True, False])


def images_case(name, make):
    """An operation on images: `make(**size)` returns the function and its operands, images first."""

    def prepare(**size):
        function, operands = make(**size)
        return fastest([
            quiet(lambda xs=xs: function(*xs), "images") for xs in zip(*map(in_formats, operands))
        ])

    def with_gradients(**size):
        function, operands = make(**size)
        return fastest([gradients(function, xs, 4, "images") for xs in zip(*map(in_formats, operands))])

    CASES[name] = prepare
    CASES[f"{name}-gradients"] = with_gradients


def transposed(batch, side, inputs, outputs, kernel, padding):
    x = images(batch, side, side, inputs, seed=1)
    # Mercer's weight is [output, height, width, input], PyTorch's [input, output, height, width].
    weight = numbers(outputs, kernel, kernel, inputs, seed=2).permute(3, 0, 1, 2)

    def function(x, w):
        return functional.conv_transpose2d(x, w, stride=2, padding=padding)

    return function, [x, weight]


def transposed_results(body, kernel):
    """The gradient of the weight in Mercer's order of axes."""
    plain = body.results

    def results():
        found = plain()
        if len(found) == 3:
            # It came as [input, height, width, output].
            found[2] = found[2].transpose(3, 1, 2, 0)
        return found

    body.results = results
    return body


images_case("convolution-transposed", transposed)
transposed_gradients = CASES["convolution-transposed-gradients"]
CASES["convolution-transposed-gradients"] = lambda **size: transposed_results(
    transposed_gradients(**size), size["kernel"])


def picture(batch, side, channels):
    return [images(batch, side, side, channels, seed=1)]


images_case("pixel-shuffle", lambda **size: (lambda x: functional.pixel_shuffle(x, 2), picture(**size)))
for mode in ("bilinear", "bicubic"):
    images_case(
        f"interpolate-{mode}",
        lambda mode=mode, **size: (
            lambda x: functional.interpolate(x, scale_factor=2, mode=mode, align_corners=False), picture(**size)))
for mode in ("constant", "reflect"):
    images_case(
        f"pad-{mode}",
        lambda mode=mode, **size: (lambda x: functional.pad(x, [3, 3, 3, 3], mode=mode), picture(**size)))
images_case("max-pool", lambda **size: (lambda x: functional.max_pool2d(x, 3, 2, 1), picture(**size)))
images_case("average-pool", lambda **size: (lambda x: functional.avg_pool2d(x, 2, 2), picture(**size)))
