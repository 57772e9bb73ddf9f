#!/usr/bin/env python3
"""Files that python3-gguf writes, converted by inkling-convert: the format's own library against our reader.

Run by ctest with INKLING_BIN_DIR in the environment; skipped (77) where Python has no numpy or no gguf module. The float
values of a tensor lie in the output as they are, so they are looked for there.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

try:
    import numpy
    import gguf
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

PROGRAM = pathlib.Path(os.environ["INKLING_BIN_DIR"]) / "inkling-convert"
HIDDEN, FEED_FORWARD, HEADS, KV_HEADS = 64, 96, 4, 2
PLAIN = {"F32": gguf.GGMLQuantizationType.F32, "F16": gguf.GGMLQuantizationType.F16, "BF16": gguf.GGMLQuantizationType.BF16}
BLOCKS = {name: gguf.GGMLQuantizationType[name] for name in ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0")}


class Model:
    """A Llama of random weights, written to `path`; `stored` has what the file's tensors stand for."""

    def __init__(self, path, matrix_type, **options):
        self.random = numpy.random.default_rng(7)
        self.matrix_type = matrix_type
        self.stored = {}
        self.writer = gguf.GGUFWriter(path, "llama", **options)
        self.writer.add_block_count(2)
        self.writer.add_context_length(128)
        self.writer.add_embedding_length(HIDDEN)
        self.writer.add_feed_forward_length(FEED_FORWARD)
        self.writer.add_head_count(HEADS)
        self.writer.add_head_count_kv(KV_HEADS)
        self.writer.add_layer_norm_rms_eps(1e-5)
        tokens = [b"<unk>", b"<s>", b"</s>"] + [b"<0x%02X>" % byte for byte in range(256)] + ["\u2581a".encode()]
        self.writer.add_tokenizer_model("llama")
        self.writer.add_token_list(tokens)
        self.writer.add_token_scores([0.0] * len(tokens))
        self.writer.add_token_types([2, 3, 3] + [6] * 256 + [1])
        self.writer.add_bos_token_id(1)
        self.writer.add_eos_token_id(2)
        self.matrix("token_embd.weight", len(tokens), HIDDEN)
        self.vector("output_norm.weight", HIDDEN)
        for layer in range(2):
            prefix = f"blk.{layer}."
            for name in ("attn_norm", "ffn_norm"):
                self.vector(f"{prefix}{name}.weight", HIDDEN)
            for name, rows, columns in (("attn_q", HIDDEN, HIDDEN), ("attn_k", 32, HIDDEN), ("attn_v", 32, HIDDEN),
                                        ("attn_output", HIDDEN, HIDDEN), ("ffn_gate", FEED_FORWARD, HIDDEN),
                                        ("ffn_up", FEED_FORWARD, HIDDEN), ("ffn_down", HIDDEN, FEED_FORWARD)):
                self.matrix(f"{prefix}{name}.weight", rows, columns)
        self.writer.write_header_to_file()
        self.writer.write_kv_data_to_file()
        self.writer.write_tensors_to_file()
        self.writer.close()

    def vector(self, name, size):
        self.stored[name] = self.random.standard_normal(size).astype(numpy.float32)
        self.writer.add_tensor(name, self.stored[name])

    def matrix(self, name, rows, columns):
        values = self.random.standard_normal((rows, columns)).astype(numpy.float32)
        data = gguf.quants.quantize(values, self.matrix_type)
        self.stored[name] = gguf.quants.dequantize(data, self.matrix_type).astype(numpy.float32).reshape(rows, columns)
        self.writer.add_tensor(name, data, raw_dtype=self.matrix_type)

    def expected(self, name):
        """The values as a model file has them: rows of q and k by halves of a head, not by pairs."""
        heads = {"attn_q": HEADS, "attn_k": KV_HEADS}.get(name.split(".")[-2])
        values = self.stored[name]
        if heads is None:
            return values
        pairs = values.reshape(heads, values.shape[0] // heads // 2, 2, values.shape[1])
        return pairs.swapaxes(1, 2).reshape(values.shape)


class GgufPythonTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="inkling-gguf-")
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def expect_same_values(self, model, source):
        output = self.folder / "out.tflite"
        result = subprocess.run([PROGRAM, source, output, "--weights=f32", "--quiet"], capture_output=True, text=True,
                                timeout=100, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        written = output.read_bytes()
        for name in model.stored:
            self.assertIn(model.expected(name).astype("<f4").tobytes(), written, name)

    def test_every_type_that_the_library_writes(self):
        for name, matrix_type in (PLAIN | BLOCKS).items():
            with self.subTest(type=name):
                path = self.folder / f"{name}.gguf"
                self.expect_same_values(Model(path, matrix_type), path)

    def test_shards(self):
        model = Model(self.folder / "model.gguf", BLOCKS["Q8_0"], split_max_tensors=7)
        shards = sorted(self.folder.glob("*.gguf"))
        self.assertGreater(len(shards), 1)
        self.expect_same_values(model, shards[-1])
        self.expect_same_values(model, self.folder)


if __name__ == "__main__":
    unittest.main()
