# Files of NumPy, gzip and PyTorch that the readers are tested with. Run in this folder; needs numpy and torch.
import gzip, io, struct, sys, zipfile, zlib
from collections import OrderedDict
import numpy as np

if sys.byteorder != "little":
    sys.exit("run on a little-endian machine")

# One array of every type: 2 x 3 numbers, negative ones where there are any.
names = "b1 u1 i1 u2 i2 u4 i4 u8 i8 f2 f4 f8 c8 c16".split()
def numbers(name):
    n = np.arange(6)
    if name == "b1":
        return (n % 2).astype(bool).reshape(2, 3)
    if name[0] == "u":
        return (n * 40).astype(name).reshape(2, 3)
    if name[0] == "c":
        return (n * 1.5 - 2 + 1j * n).astype(name).reshape(2, 3)
    return (n * 1.5 - 2).astype(name).reshape(2, 3)

arrays = {}
for name in names:
    x = numbers(name)
    arrays[f"{name}_c"] = x
    arrays[f"{name}_fortran"] = np.asfortranarray(x)
    if x.dtype.itemsize > 1:
        arrays[f"{name}_big"] = x.astype(x.dtype.newbyteorder(">"))
arrays["scalar"] = np.array(2.5)
arrays["empty"] = np.zeros((0, 3), np.float32)
arrays["three"] = np.asfortranarray(np.arange(24, dtype=np.int32).reshape(2, 3, 4))
np.savez("stored.npz", **arrays)
np.savez_compressed("compressed.npz", **arrays)

with open("version2.npy", "wb") as f:
    np.lib.format.write_array(f, numbers("f4"), version=(2, 0))
with open("version3.npy", "wb") as f:
    np.lib.format.write_array(f, numbers("f4"), version=(3, 0))
np.save("plain.npy", np.arange(12, dtype=np.float64).reshape(3, 4))
np.save("structured.npy", np.zeros(2, dtype=[("a", "f4"), ("b", "i4")]))
np.save("text.npy", np.array(["a", "bc"]))
np.save("object.npy", np.array([1, "a"], dtype=object))

# Long runs, literals and long Huffman codes: letters with Fibonacci frequencies.
fib = [1, 1]
while len(fib) < 20:
    fib.append(fib[-1] + fib[-2])
rng = np.random.default_rng(7)
skewed = np.repeat(np.arange(20, dtype=np.uint8), fib)
rng.shuffle(skewed)
text = b"".join(b"line %d of the text\n" % i for i in range(300)) + skewed.tobytes() + bytes(40000)
def gz(name, data, level):
    with open(name, "wb") as f, gzip.GzipFile(name, "wb", level, f, mtime=0) as g:
        g.write(data)
gz("dynamic.gz", text, 9)
gz("stored.gz", text[:1000], 0)
fixed = zlib.compressobj(9, zlib.DEFLATED, 31, 9, zlib.Z_FIXED)
open("fixed.gz", "wb").write(fixed.compress(text[:1000]) + fixed.flush())
open("members.gz", "wb").write(gzip.compress(b"first ", mtime=0) + gzip.compress(b"", mtime=0) + gzip.compress(b"second", mtime=0))

# A zip64 archive, though small.
with zipfile.ZipFile("zip64.zip", "w") as z:
    with z.open("a.npy", "w", force_zip64=True) as f:
        np.lib.format.write_array(f, numbers("f8"))

import torch
torch.manual_seed(0)
w = torch.arange(12, dtype=torch.float32).reshape(3, 4)
state = OrderedDict(
    weight=w, transposed=w.t(), part=w[1:, 1:3], bias=torch.nn.Parameter(torch.tensor([1.0, -1.0])),
    half=torch.tensor([0.5, -2], dtype=torch.float16), brain=torch.tensor([0.5, -2], dtype=torch.bfloat16),
    double=torch.tensor([0.1], dtype=torch.float64), count=torch.tensor(7), flags=torch.tensor([True, False]),
    byte=torch.tensor([1, 255], dtype=torch.uint8), int8=torch.tensor([-1], dtype=torch.int8),
    short=torch.tensor([-300], dtype=torch.int16), int=torch.tensor([70000], dtype=torch.int32),
    complex=torch.tensor([1 - 2j], dtype=torch.complex64), empty=torch.zeros(0, 3),
    expanded=torch.tensor([3.0]).expand(2, 5), u16=torch.tensor([65535], dtype=torch.uint16))
state._metadata = OrderedDict([("", {"version": 1})])
torch.save(state, "state.pth")
torch.save({"model": {"w": w}, "list": [w[0], (w[1], 3)], 5: w[2], "epoch": 3, "lr": 1e-3, "note": "é", "none": None,
            "big": 2**70, "yes": True}, "checkpoint.pth")
torch.save({"w": w, "device": torch.device("cpu")}, "refused.pth")
torch.save({"w": w}, "legacy.pth", _use_new_zipfile_serialization=False)
