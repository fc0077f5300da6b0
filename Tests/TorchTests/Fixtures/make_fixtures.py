"""Writes the fixtures of SafetensorsTests and TorchFileTests with PyTorch itself.

    python make_fixtures.py        (torch 2.13.0; writes beside itself)

`types.safetensors` is laid out by hand from the format's description, so that the reader is tested
against something that it did not write.
"""

import argparse
import collections
import json
import os
import struct
import zipfile
from pathlib import Path

import torch

here = Path(__file__).resolve().parent
torch.manual_seed(0)


def save(value, name, **options):
    torch.save(value, here / f"{name}.zip.pth", **options)
    torch.save(value, here / f"{name}.legacy.pth", _use_new_zipfile_serialization=False, **options)


DTYPES = ["float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"]


def sample(name):
    dtype = getattr(torch, name)
    if name == "bool":
        return torch.tensor([[True, False, True], [False, True, True]])
    if name == "uint8":
        return torch.tensor([[0, 1, 2], [128, 254, 255]], dtype=dtype)
    return torch.tensor([[0, 1, -2], [3, -100, 127]], dtype=dtype)


save(collections.OrderedDict((name, sample(name)) for name in DTYPES), "types")

base = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
save(
    {
        "whole": base,
        "same": base,
        "transposed": base.transpose(0, 2),
        "sliced": base[:, 1:, ::2],
        "row": base[1, 2],
        "expanded": torch.tensor([[5.0], [6.0]]).expand(2, 3),
        "overlapping": torch.arange(5, dtype=torch.int16).as_strided((3, 3), (1, 1)),
        "scalar": torch.tensor(2.5),
        "scalarOfView": base[1, 0, 3],
        "empty": torch.empty(0),
        "emptyMatrix": torch.empty(3, 0, 2, dtype=torch.int64),
        "channelsLast": torch.arange(12, dtype=torch.float32).reshape(1, 2, 2, 3).contiguous(
            memory_format=torch.channels_last
        ),
    },
    "views",
)

network = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.Linear(2, 1, bias=False))
with torch.no_grad():
    for parameter in network.parameters():
        parameter.copy_(torch.arange(parameter.numel(), dtype=torch.float32).reshape(parameter.shape) / 8)
optimizer = torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999))
for parameter in network.parameters():
    parameter.grad = torch.ones_like(parameter)
optimizer.step()
parallel = torch.nn.DataParallel(network)
save(
    {
        "model": {"generator": network.state_dict(), "parallel": parallel.state_dict()},
        "optimizer": optimizer.state_dict(),
        "args": argparse.Namespace(lr=2e-4, name="dcgan", sizes=[64, 32], resume=None, flag=True),
        "epoch": 7,
        "best": -0.125,
        "large": 2**40 + 3,
        "negative": -70000,
        "huge": 2**70,
        "bytes": b"\x00\xff\x10",
        "set": {3},
        "tuple": (1, "two", None),
        "size": torch.Size([2, 3]),
        "counts": collections.defaultdict(int, {"a": 1}),
        "dtype": torch.float16,
        "device": torch.device("cpu"),
        "text": "Größe 漢字",
        "complex": torch.tensor([1 + 2j]),
        "parameter": torch.nn.Parameter(torch.tensor([1.0, 2.0])),
        "state": {0: {"step": 1, "average": torch.tensor([4.0])}, "list": [torch.tensor([5.0]), None]},
    },
    "checkpoint",
)

tagged = torch.tensor([1.0, 2.0, 3.0])
tagged.label = "with an attribute"
torch.save(
    {"tagged": tagged, "storage": torch.tensor([1, 2, 3], dtype=torch.int16).storage()},
    here / "protocol4.zip.pth",
    pickle_protocol=4,
)
torch.save({"weight": torch.tensor([1.5, -2.5])}, here / "protocol1.legacy.pth", pickle_protocol=1,
           _use_new_zipfile_serialization=False)


class Attack:
    def __reduce__(self):
        return os.system, ("touch atelier-was-executed",)


# The reduction is only recorded here; loading the file with plain pickle would run it.
save({"attack": Attack(), "weight": torch.tensor([1.0])}, "attack")

# An archive of more than 4 GB has every 32-bit field of its directory full and the truth in 64-bit ones;
# the same is done here to a short one, which PyTorch reads as well.
original = (here / "types.zip.pth").read_bytes()
with zipfile.ZipFile(here / "types.zip.pth") as archive:
    infos, start = archive.infolist(), archive.start_dir
directory, full = b"", 0xFFFFFFFF
for info in infos:
    name = info.filename.encode()
    extra = struct.pack("<HHQQQ", 1, 24, info.file_size, info.file_size, info.header_offset)
    directory += struct.pack("<4s6H3I5H2I", b"PK\1\2", 45, 45, info.flag_bits, 0, 0, 0, info.CRC, full, full,
                             len(name), len(extra), 0, 0, 0, 0, full) + name + extra
end = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, len(infos), len(infos), len(directory), start)
end += struct.pack("<4sIQI", b"PK\6\7", 0, start + len(directory), 1)
end += struct.pack("<4s4HIIH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, full, full, 0)
(here / "zip64.zip.pth").write_bytes(original[:start] + directory + end)
assert list(torch.load(here / "zip64.zip.pth")) == DTYPES

entries, data = {"__metadata__": {"id": "types", "größe": "a\"b\\c\n"}}, b""
for name, code in zip(DTYPES, ["F32", "F64", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL"]):
    raw = sample(name).contiguous().view(torch.uint8).numpy().tobytes()
    entries[name] = {"dtype": code, "shape": [2, 3], "data_offsets": [len(data), len(data) + len(raw)]}
    data += raw
entries["scalar"] = {"dtype": "F32", "shape": [], "data_offsets": [len(data), len(data) + 4]}
data += struct.pack("<f", 2.5)
entries["empty"] = {"dtype": "I64", "shape": [0, 4], "data_offsets": [len(data), len(data)]}
header = json.dumps(entries).encode()
(here / "types.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + data)
