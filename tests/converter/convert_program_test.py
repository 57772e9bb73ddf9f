#!/usr/bin/env python3
"""inkling-convert as a user runs it: exit codes, one line for an error, bounded memory, a signal in the middle.

Run by ctest with INKLING_BIN_DIR in the environment. The checkpoints are fabricated: zeros in sparse files.
"""

import json
import os
import pathlib
import pty
import resource
import signal
import struct
import subprocess
import tempfile
import time
import unittest

PROGRAM = pathlib.Path(os.environ["INKLING_BIN_DIR"]) / "inkling-convert"

MEDIAPIPE_ADAPTER = pathlib.Path(__file__).parent.parent / "golden" / "lora" / "mediapipe_gemma_2b.bin"


def tokenizer_file():
    """llama2.c's tokenizer.bin with its 259 fixed pieces and a letter."""
    pieces = [b"<unk>", b"\n<s>\n", b"\n</s>\n"] + [b"<0x00>"] * 256 + [b"a"]
    return struct.pack("<i", 8) + b"".join(struct.pack("<fi", 0.0, len(piece)) + piece for piece in pieces)


def write_checkpoint(folder, hidden, feed_forward, layers, vocabulary, head=False):
    """A Llama-form checkpoint of zeros in BF16 with a tied head, which may be there too; returns the bytes of its tensors."""
    folder.mkdir()
    (folder / "tokenizer.bin").write_bytes(tokenizer_file())
    (folder / "config.json").write_text(json.dumps({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": hidden,
        "intermediate_size": feed_forward, "num_hidden_layers": layers, "num_attention_heads": 4,
        "vocab_size": vocabulary, "tie_word_embeddings": True}))
    shapes = {"model.embed_tokens.weight": [vocabulary, hidden], "model.norm.weight": [hidden]}
    if head:
        shapes["lm_head.weight"] = [vocabulary, hidden]
    for layer in range(layers):
        prefix = f"model.layers.{layer}."
        shapes |= {prefix + name + ".weight": [hidden] for name in ("input_layernorm", "post_attention_layernorm")}
        shapes |= {prefix + f"self_attn.{name}_proj.weight": [hidden, hidden] for name in "qkvo"}
        shapes |= {prefix + f"mlp.{name}_proj.weight": [feed_forward, hidden] for name in ("gate", "up")}
        shapes[prefix + "mlp.down_proj.weight"] = [hidden, feed_forward]
    header, end = {}, 0
    for name, shape in shapes.items():
        size = 2 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)
    return end


def split_into_shards(folder, count):
    """Puts the tensors of model.safetensors into `count` files with an index; returns the files' names."""
    data = (folder / "model.safetensors").read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    entries = [item for item in json.loads(data[8:8 + size]).items() if item[0] != "__metadata__"]
    names, weight_map = [], {}
    for shard in range(count):
        names.append(f"model-{shard + 1:05}-of-{count:05}.safetensors")
        header, body = {}, b""
        for name, entry in entries[shard * len(entries) // count:(shard + 1) * len(entries) // count]:
            begin, end = (8 + size + offset for offset in entry["data_offsets"])
            header[name] = entry | {"data_offsets": [len(body), len(body) + end - begin]}
            body += data[begin:end]
            weight_map[name] = names[-1]
        text = json.dumps(header).encode()
        (folder / names[-1]).write_bytes(struct.pack("<Q", len(text)) + text + body)
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return names


def gguf_text(text):
    return struct.pack("<Q", len(text)) + text


def write_gguf(path, hidden, feed_forward, layers, vocabulary):
    """A Llama of zeros in Q8_0 as a GGUF file; returns the bytes of its tensors."""
    texts = [b"<unk>", b"<s>", b"</s>"] + [b"<0x%02X>" % byte for byte in range(256)]
    numbers = {"context_length": 2048, "embedding_length": hidden, "block_count": layers, "feed_forward_length": feed_forward,
               "attention.head_count": 4}
    entries = {f"llama.{key}": struct.pack("<II", 4, value) for key, value in numbers.items()}
    entries["llama.attention.layer_norm_rms_epsilon"] = struct.pack("<If", 6, 1e-5)
    entries["general.architecture"] = struct.pack("<I", 8) + gguf_text(b"llama")
    entries["tokenizer.ggml.model"] = struct.pack("<I", 8) + gguf_text(b"llama")
    entries["tokenizer.ggml.tokens"] = struct.pack("<IIQ", 9, 8, len(texts)) + b"".join(map(gguf_text, texts))
    entries["tokenizer.ggml.scores"] = struct.pack("<IIQ", 9, 6, len(texts)) + bytes(4 * len(texts))
    entries["tokenizer.ggml.token_type"] = struct.pack(f"<IIQ{len(texts)}i", 9, 5, len(texts), 2, 3, 3, *[6] * 256)
    shapes = {"token_embd.weight": [vocabulary, hidden], "output_norm.weight": [hidden]}
    for layer in range(layers):
        prefix = f"blk.{layer}."
        shapes |= {prefix + name + "_norm.weight": [hidden] for name in ("attn", "ffn")}
        shapes |= {prefix + f"attn_{name}.weight": [hidden, hidden] for name in ("q", "k", "v", "output")}
        shapes |= {prefix + f"ffn_{name}.weight": [feed_forward, hidden] for name in ("gate", "up")}
        shapes[prefix + "ffn_down.weight"] = [hidden, feed_forward]
    infos, end = b"", 0
    for name, shape in shapes.items():
        size = 4 * shape[0] if len(shape) == 1 else shape[0] * shape[1] // 32 * 34
        infos += gguf_text(name.encode()) + struct.pack(f"<I{len(shape)}Q", len(shape), *reversed(shape))
        infos += struct.pack("<IQ", 0 if len(shape) == 1 else 8, end)
        end += (size + 31) // 32 * 32
    header = b"GGUF" + struct.pack("<IQQ", 3, len(shapes), len(entries))
    header += b"".join(gguf_text(key.encode()) + value for key, value in entries.items()) + infos
    with open(path, "wb") as file:
        file.write(header)
        file.truncate((len(header) + 31) // 32 * 32 + end)
    return end


class ConvertProgramTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="inkling-convert-")
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)
        self.checkpoint = self.folder / "checkpoint"
        self.output = self.folder / "out.tflite"

    def run_program(self, *arguments):
        return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False)

    def names(self):
        return sorted(path.name for path in self.folder.iterdir())

    def test_summary_and_plain_progress(self):
        write_checkpoint(self.checkpoint, 64, 48, 2, 320)
        result = self.run_program(self.checkpoint, self.output, "--weights", "int4", "--block=32", "--head=f16")
        self.assertEqual(result.returncode, 0, result.stderr)
        for part in ("bits per weight", "attention.q", "int4/32", "f16", "fallback", "48 columns", "MB/s", "260 pieces"):
            self.assertIn(part, result.stdout)
        self.assertIn("converting: 100%", result.stderr)
        self.assertNotIn("\r", result.stderr)
        quiet = self.run_program(self.checkpoint, self.output, "--quiet")
        self.assertEqual((quiet.returncode, quiet.stdout, quiet.stderr), (0, "", ""))

    def test_progress_bar_on_a_terminal(self):
        write_checkpoint(self.checkpoint, 64, 48, 2, 320)
        main, side = pty.openpty()
        process = subprocess.Popen([PROGRAM, self.checkpoint, self.output], stdout=subprocess.DEVNULL, stderr=side)
        os.close(side)
        shown = b""
        while True:
            try:
                part = os.read(main, 4096)
            except OSError:  # the other side is closed
                break
            if not part:
                break
            shown += part
        os.close(main)
        self.assertEqual(process.wait(timeout=60), 0)
        self.assertIn(b"[########################] 100%", shown)
        self.assertTrue(shown.endswith(b"\r\x1b[K"), shown)

    def test_bad_input_is_one_line(self):
        write_checkpoint(self.checkpoint, 64, 48, 1, 320)
        good = [self.checkpoint, self.output]
        cases = [
            (1, [self.folder / "absent", self.output]),
            (1, [self.checkpoint, self.checkpoint]),
            (1, [self.checkpoint, self.checkpoint / "model.safetensors"]),
            (1, [*good, f"--tokenizer={self.folder / 'absent'}"]),
            (2, []),
            (2, [self.checkpoint]),
            (2, [*good, "third"]),
            (2, [*good, "--weights=int3"]),
            (2, [*good, "--block=48"]),
            (2, [*good, "--block=64", "--weights=int8"]),
            (2, [*good, "--wieghts=int8"]),
            (2, [*good, "--weights"]),
            (2, [*good, "--quality=best"]),
            (2, [*good, "--bits=5"]),
            (2, [*good, "--lora"]),
            (2, [*good, "--base=model.tflite"]),
            (2, [*good, "--mediapipe-output-projection=as-run"]),
            (2, [*good, "--lora", "--base=model.tflite", "--mediapipe-output-projection=right"]),
            (1, [*good, "--lora", f"--base={self.folder / 'absent'}"]),
            (1, [MEDIAPIPE_ADAPTER, self.output]),
            (1, [*good, "--variant=fp16"]),
            (1, [*good, "--variant=../fp16"]),
            (1, [self.checkpoint / "model.safetensors", self.output, "--variant=fp16"]),
            (1, [*good, f"--importance={self.folder / 'absent'}"]),
        ]
        for status, arguments in cases:
            with self.subTest(arguments=arguments):
                result = self.run_program(*arguments)
                self.assertEqual((result.returncode, result.stdout), (status, ""), result.stderr)
                self.assertRegex(result.stderr, r"\Ainkling-convert: [^\n]+\n\Z")
        self.assertEqual(self.names(), ["checkpoint"])

    def test_help(self):
        result = self.run_program("--help")
        self.assertEqual(result.returncode, 0)
        self.assertIn("GGUF", result.stdout)
        for option in ("--weights", "--block", "--embedding", "--head", "--tokenizer", "--variant", "--quality", "--importance", "--bits", "--lora", "--base",
                       "--mediapipe-output-projection", "--quiet"):
            self.assertIn(option, result.stdout)

    def test_gguf_file(self):
        write_gguf(self.folder / "model", 64, 96, 2, 259)
        result = self.run_program(self.folder / "model", self.output)
        self.assertEqual(result.returncode, 0, result.stderr)
        for part in ("GGUF, 1 file", "259 pieces", "from Q8_0 to int8", "feed_forward.down", "llama"):
            self.assertIn(part, result.stdout)

    def test_memory_is_bounded_by_rows_not_by_the_model(self):
        size = write_checkpoint(self.checkpoint, 2048, 8192, 1, 32000)
        self.assertGreater(size, 250e6)  # its largest tensor has 131 MB
        self.expect_bounded_memory(self.checkpoint)

    def test_memory_is_bounded_for_gguf_files_too(self):
        size = write_gguf(self.folder / "model.gguf", 2048, 8192, 1, 32000)
        self.assertGreater(size, 130e6)  # its largest tensor has 70 MB
        self.expect_bounded_memory(self.folder / "model.gguf")

    def test_memory_is_bounded_while_a_head_is_compared(self):
        write_checkpoint(self.checkpoint, 2048, 64, 1, 32000, head=True)
        self.expect_bounded_memory(self.checkpoint)

    def test_a_variant_is_read_when_asked_for(self):
        write_checkpoint(self.checkpoint, 64, 48, 1, 320)
        weights = self.checkpoint / "model.safetensors"
        weights.rename(self.checkpoint / "model.fp16.safetensors")
        result = self.run_program(self.checkpoint, self.output)
        self.assertEqual(result.returncode, 1)
        self.assertIn("--variant=fp16", result.stderr)
        self.assertEqual(self.run_program(self.checkpoint, self.output, "--variant=fp16").returncode, 0)
        result = self.run_program(self.checkpoint, self.output, "--variant=bf16")
        self.assertEqual(result.returncode, 1)
        self.assertIn("model.bf16.safetensors", result.stderr)
        weights.write_bytes((self.checkpoint / "model.fp16.safetensors").read_bytes())
        result = self.run_program(self.checkpoint, self.output)
        self.assertIn("note        not read: model.fp16.safetensors", result.stdout)

    def expect_bounded_memory(self, checkpoint):
        process = subprocess.Popen([PROGRAM, checkpoint, self.output, "--quiet"])
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 0)
        if os.environ.get("INKLING_SANITIZER"):
            return  # shadow memory isn't ours
        threads = min(8, os.cpu_count() or 1)
        self.assertLess(usage.ru_maxrss * 1024, (40 + 10 * threads) * 1e6)

    def test_a_signal_leaves_nothing_behind(self):
        write_checkpoint(self.checkpoint, 2048, 8192, 1, 32000)
        for stop in (signal.SIGINT, signal.SIGTERM):
            process = subprocess.Popen([PROGRAM, self.checkpoint, self.output], stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True)
            end = time.monotonic() + 60
            while time.monotonic() < end and not list(self.folder.glob("out.tflite*")):
                time.sleep(0.001)
            process.send_signal(stop)
            _, errors = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 128 + stop, errors)
            self.assertIn("nothing was written", errors)
            self.assertEqual(self.names(), ["checkpoint"])

    def test_a_full_disk_leaves_nothing_behind(self):
        """A limit on the size of files stands in for it: the system refuses the bytes in the same place."""
        write_checkpoint(self.checkpoint, 256, 512, 1, 2000)

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

        result = subprocess.run([PROGRAM, self.checkpoint, self.output], capture_output=True, text=True, timeout=60,
                                preexec_fn=limit, check=False)
        self.assertEqual((result.returncode, result.stdout), (1, ""), result.stderr)
        self.assertRegex(result.stderr, r"inkling-convert: [^\n]*out.tflite.partial[^\n]*[Ff]ile too large")
        self.assertEqual(self.names(), ["checkpoint"])

    def test_a_small_disk_is_found_out_before_anything_is_written(self):
        write_checkpoint(self.checkpoint, 256, 512, 1, 2000)
        disk = self.folder / "disk"
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "inkling-test", disk], capture_output=True, check=False).returncode:
            self.skipTest("mounting a small disk needs root")
        self.addCleanup(subprocess.run, ["umount", disk], check=True)
        result = self.run_program(self.checkpoint, disk / "out.tflite")
        self.assertEqual((result.returncode, result.stdout), (1, ""), result.stderr)
        self.assertRegex(result.stderr, r"\Ainkling-convert: [^\n]*out.tflite.partial: expected \d+ free bytes on its disk, found \d+\n\Z")
        self.assertEqual(list(disk.iterdir()), [])

    def test_a_device_is_not_replaced(self):
        write_checkpoint(self.checkpoint, 64, 48, 1, 320)
        os.mkfifo(self.folder / "pipe")
        for output in (self.folder / "pipe", pathlib.Path("/dev/null")):
            result = self.run_program(self.checkpoint, output)
            self.assertEqual((result.returncode, result.stdout), (1, ""), result.stderr)
            self.assertIn("found a device or a pipe", result.stderr)
            self.assertFalse(output.is_file())
        self.assertEqual(self.names(), ["checkpoint", "pipe"])

    def test_a_killed_conversion_leaves_no_output_and_the_next_one_works(self):
        write_checkpoint(self.checkpoint, 2048, 8192, 1, 32000)
        process = subprocess.Popen([PROGRAM, self.checkpoint, self.output, "--quiet"])
        end = time.monotonic() + 60
        while time.monotonic() < end and not list(self.folder.glob("out.tflite*")):
            time.sleep(0.001)
        process.kill()
        process.wait(timeout=60)
        self.assertNotIn("out.tflite", self.names())
        result = self.run_program(self.checkpoint, self.output, "--quiet")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.names(), ["checkpoint", "out.tflite"])

    def test_a_truncated_checkpoint_is_an_error(self):
        write_checkpoint(self.checkpoint, 64, 48, 2, 320)
        weights = self.checkpoint / "model.safetensors"
        os.truncate(weights, weights.stat().st_size - 1)
        result = self.run_program(self.checkpoint, self.output)
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertRegex(result.stderr, r"\Ainkling-convert: [^\n]*model.safetensors[^\n]*truncated[^\n]*\n\Z")
        self.assertEqual(self.names(), ["checkpoint"])

    def test_a_truncated_shard_is_an_error(self):
        write_checkpoint(self.checkpoint, 64, 48, 2, 320)
        names = split_into_shards(self.checkpoint, 3)
        self.assertEqual(self.run_program(self.checkpoint, self.output, "--quiet").returncode, 0)
        self.output.unlink()
        shard = self.checkpoint / names[1]
        os.truncate(shard, shard.stat().st_size // 2)
        result = self.run_program(self.checkpoint, self.output)
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertRegex(result.stderr, r"\Ainkling-convert: [^\n]*" + names[1] + r"[^\n]*truncated[^\n]*\n\Z")
        self.assertEqual(self.names(), ["checkpoint"])

    def test_a_checkpoint_that_shrinks_while_it_is_read_is_an_error(self):
        write_checkpoint(self.checkpoint, 2048, 8192, 1, 32000)
        weights = self.checkpoint / "model.safetensors"
        process = subprocess.Popen([PROGRAM, self.checkpoint, self.output, "--quiet"], stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + 60
        while time.monotonic() < end and not list(self.folder.glob("out.tflite*")):
            time.sleep(0.001)
        os.truncate(weights, 1 << 20)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, errors)
        self.assertRegex(errors, r"\Ainkling-convert: [^\n]*model.safetensors: the file ends at byte[^\n]*\n\Z")
        self.assertEqual(self.names(), ["checkpoint"])


if __name__ == "__main__":
    unittest.main()
