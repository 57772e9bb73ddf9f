#!/usr/bin/env python3
"""Checkpoints that PyTorch saves again as pytorch_model.bin convert to the same bytes as from safetensors.

tests/golden checks that the safetensors form gives the reference's logits and tokens, so this proves it for PyTorch's.
Run by ctest with INKLING_BIN_DIR in the environment; needs PyTorch, and is skipped (77) where Python has none.
"""

import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

try:
    import torch
except ImportError:
    print("skipped: this Python has no PyTorch")
    sys.exit(77)

PROGRAM = pathlib.Path(os.environ["INKLING_BIN_DIR"]) / "inkling-convert"
ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = [ROOT / "tests" / "golden", ROOT.parent / "shared" / "golden"]
TYPES = {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32}


def read_safetensors(path):
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    tensors = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        if name != "__metadata__":
            begin, end = (8 + size + offset for offset in entry["data_offsets"])
            flat = torch.frombuffer(bytearray(data[begin:end]), dtype=TYPES[entry["dtype"]])
            tensors[name] = flat.reshape(entry["shape"])
    return tensors


def save_again(source, target, shards):
    """Copies `source` with its weights as `shards` files that torch.save wrote."""
    tensors = {}
    for path in sorted(source.glob("*.safetensors")):
        tensors |= read_safetensors(path)
    target.mkdir(parents=True)
    for path in source.glob("*"):
        if path.suffix in (".json", ".model", ".txt") and "safetensors" not in path.name:
            shutil.copy(path, target)
    if shards == 1:
        torch.save(tensors, target / "pytorch_model.bin")
        return
    weight_map = {}
    for shard in range(shards):
        name = f"pytorch_model-{shard + 1:05}-of-{shards:05}.bin"
        part = {key: tensors[key] for i, key in enumerate(tensors) if i * shards // len(tensors) == shard}
        torch.save(part, target / name)
        weight_map |= {key: name for key in part}
    (target / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))


class TorchResaveTest(unittest.TestCase):
    def convert(self, folder, output):
        return subprocess.run([PROGRAM, folder, output, "--weights=f32", "--quiet"], capture_output=True, text=True, check=False)

    def check(self, source, shards):
        with tempfile.TemporaryDirectory(prefix="inkling-resave-") as temporary:
            folder = pathlib.Path(temporary)
            before = self.convert(source, folder / "before.tflite")
            save_again(source, folder / source.name, shards)
            after = self.convert(folder / source.name, folder / "after.tflite")
            self.assertEqual(after.returncode, before.returncode, after.stderr)
            if before.returncode != 0:  # a family without a recipe
                self.assertIn("is not supported", before.stderr)
                return False
            self.assertEqual((folder / "before.tflite").read_bytes(), (folder / "after.tflite").read_bytes())
            return True

    def test_every_golden_checkpoint(self):
        done = {}
        for source in sorted(path.parent for folder in GOLDEN for path in folder.glob("*/config.json")):
            if source.name not in done and list(source.glob("*.safetensors")):
                with self.subTest(checkpoint=source.name):
                    done[source.name] = self.check(source, 3 if len(done) % 2 else 1)
        print("the same:", ", ".join(name for name, same in done.items() if same))
        self.assertTrue(any(done.values()))


if __name__ == "__main__":
    unittest.main()
