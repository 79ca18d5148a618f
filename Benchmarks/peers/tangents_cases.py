"""Cases of neural-tangents on JAX."""
import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_ENABLE_X64", "1")

CASES = {}


def set_threads(count):
    if count == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


def dense(points, columns):
    import jax
    import numpy
    from neural_tangents import stax

    layer = dict(W_std=2 ** 0.5, b_std=0.1)
    _, _, kernel = stax.serial(
        stax.Dense(1, **layer), stax.Relu(), stax.Dense(1, **layer), stax.Relu(), stax.Dense(1, **layer))
    x = jax.numpy.asarray(numpy.random.default_rng(0).standard_normal((points, columns)))
    function = jax.jit(lambda a: kernel(a, None, "ntk"))
    function(x).block_until_ready()
    return lambda: function(x).block_until_ready()


def pooled(train, test, side):
    import jax
    import numpy
    from neural_tangents import stax

    layer = dict(W_std=2 ** 0.5, b_std=0.1)
    convolutions = [part for _ in range(3) for part in (stax.Conv(1, (3, 3), padding="SAME", **layer), stax.Relu())]
    _, _, kernel = stax.serial(*convolutions, stax.GlobalAvgPool(), stax.Dense(1, **layer))
    random = numpy.random.default_rng(0)
    x = jax.numpy.asarray(random.standard_normal((train, side, side, 1)))
    z = jax.numpy.asarray(random.standard_normal((test, side, side, 1)))
    function = jax.jit(lambda a, b: kernel(a, b, "ntk"))

    def both():
        function(x, x).block_until_ready()
        for first in range(0, test, train):
            function(z[first:first + train], x).block_until_ready()

    return both


CASES["ntk-dense"] = dense
CASES["ntk-pooled"] = pooled
