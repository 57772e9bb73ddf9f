#!/usr/bin/env python3
"""Wrote the files of this folder with torch.save, from the first layer of tests/golden/llama. Needs PyTorch.

tests/converter/pytorch_reader_test.cc compares them with that checkpoint. PyTorch 1.13 wrote those that are committed.
"""

import collections
import json
import pathlib
import struct

import torch

HERE = pathlib.Path(__file__).resolve().parent
LAYER = "model.layers.0."


def read_safetensors(path):
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = (8 + size + offset for offset in entry["data_offsets"])
            assert entry["dtype"] == "BF16"
            flat = torch.frombuffer(bytearray(data[begin:end]), dtype=torch.bfloat16)
            tensors[name] = flat.reshape(entry["shape"])
    return tensors


def state_dict(items):
    """As torch.nn.Module.state_dict makes it: ordered, with an attribute for versions."""
    result = collections.OrderedDict(items)
    result._metadata = collections.OrderedDict([("", {"version": 1})])
    return result


llama = read_safetensors(HERE.parent / "llama" / "model.safetensors")
key = llama[LAYER + "self_attn.k_proj.weight"]
norm = llama[LAYER + "input_layernorm.weight"]
shards = {
    "pytorch_model-00001-of-00002.bin": state_dict(
        (name, value.clone()) for name, value in llama.items() if name.startswith(LAYER + "self_attn.")),
    "pytorch_model-00002-of-00002.bin": state_dict([
        ("norm.single", norm.float()),
        ("norm.half", norm.half()),
        ("norm.parameter", torch.nn.Parameter(norm.clone())),
        ("norm.double", norm.double()),
        ("key.tied", key),
        ("key.tied.again", key),
        ("key.rows", key[3:7]),          # a storage offset
        ("key.columns", key[:, 8:24]),   # gaps between rows
        ("key.transposed", key.t()),     # gaps inside rows: refused
        ("key.expanded", norm.clone().expand(5, 64)),  # every row the same
        ("scalar", torch.tensor(0.5)),
        ("counts", torch.arange(5)),
        ("flags", torch.tensor([True, False])),
        ("empty", torch.zeros(0, 4)),
    ]),
}
weight_map = {name: shard for shard, tensors in shards.items() for name in tensors if name != "key.transposed"}
for shard, tensors in shards.items():
    if "key.transposed" in tensors:
        torch.save(state_dict([("key.transposed", tensors.pop("key.transposed"))]), HERE / "transposed.bin")
    torch.save(tensors, HERE / shard)
(HERE / "pytorch_model.bin.index.json").write_text(
    json.dumps({"metadata": {"total_size": 0}, "weight_map": weight_map}, indent=1) + "\n")
(HERE / "config.json").write_text("{}\n")
torch.save({"norm": norm}, HERE / "legacy.bin", _use_new_zipfile_serialization=False)
