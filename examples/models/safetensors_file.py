"""Reads and writes the safetensors format with nothing but the standard library and torch.

The format is 8 bytes of header length (little endian), a JSON header that maps each tensor name to
its dtype, shape and byte range, and the raw row-major data. train.py writes checkpoints with
write_bf16(); sample.py and golden.py read them with read_float32(). Only the three float types that
published checkpoints use are known here; anything else is an error that names the tensor.
"""

import json
import struct
from pathlib import Path

import numpy as np
import torch


def read_float32(path):
    """Returns {name: float32 tensor}; bf16 and f16 are converted, which is exact."""
    data = Path(path).read_bytes()
    (header_length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + header_length])
    body = memoryview(data)[8 + header_length :]
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        tensors[name] = _to_float32(name, entry["dtype"], body[begin:end]).reshape(entry["shape"])
    return tensors


def _to_float32(name, dtype, raw):
    if dtype == "F32":
        return torch.from_numpy(np.frombuffer(raw, dtype="<f4").copy())
    if dtype == "F16":
        return torch.from_numpy(np.frombuffer(raw, dtype="<f2").astype(np.float32))
    if dtype == "BF16":
        # bfloat16 is the upper half of a float32, so converting is a shift.
        words = np.frombuffer(raw, dtype="<u2").astype(np.uint32) << 16
        return torch.from_numpy(words.view(np.float32).copy())
    raise ValueError(f"tensor {name}: dtype {dtype}, expected F32, F16 or BF16")


def round_to_bf16(tensor):
    """Rounds float32 to the nearest bfloat16 (ties to even) and converts it back."""
    return tensor.detach().to(torch.bfloat16).to(torch.float32)


def write_bf16(path, tensors):
    """Writes float tensors as bfloat16, in name order, with the header padded to 8 bytes."""
    header = {"__metadata__": {"format": "pt"}}
    chunks = []
    offset = 0
    for name in sorted(tensors):
        rounded = round_to_bf16(tensors[name]).contiguous().numpy()
        words = (rounded.view(np.uint32) >> 16).astype("<u2").tobytes()
        header[name] = {
            "dtype": "BF16",
            "shape": list(tensors[name].shape),
            "data_offsets": [offset, offset + len(words)],
        }
        offset += len(words)
        chunks.append(words)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # The spec wants the data 8-byte aligned.
    Path(path).write_bytes(struct.pack("<Q", len(text)) + text + b"".join(chunks))
