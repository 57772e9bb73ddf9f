#!/usr/bin/env python3
"""Golden checkpoints as GGUF files that python3-gguf wrote, with its own names of tensors and keys: converted to f32, they
must give the reference's logits, greedy ids and tokens.

Run by ctest with INKLING_BIN_DIR in the environment; skipped (77) where Python has no numpy or no gguf module. Of
../shared/golden, Falcon with ALiBi is left out: GGUF has no architecture for it.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
try:
    import numpy
    from gguf_from_hugging_face import Converter
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

BIN = pathlib.Path(os.environ["INKLING_BIN_DIR"])
GOLDEN = [ROOT / "tests" / "golden", ROOT.parent / "shared" / "golden"]
TOLERANCE = 1e-3
PRE = {"falcon_7b": "falcon", "llama3": "llama-bpe", "phi": "phi-2", "qwen2": "qwen2", "qwen3": "qwen2", "smollm": "smollm",
       "stablelm": "olmo"}


def run(program, *arguments, text=None):
    result = subprocess.run([BIN / program, *map(str, arguments)], input=text, capture_output=True, text=True, timeout=100,
                            check=False)
    if result.returncode != 0:
        raise AssertionError(f"{program}: {result.stderr}")
    return result.stdout


class GgufGoldenTest(unittest.TestCase):
    def check(self, folder, source, work):
        golden = json.loads((folder / "golden.json").read_text())
        model = work / "model.tflite"
        run("inkling-convert", source, model, "--weights=f32", "--quiet")
        for prompt in golden["prompts"]:
            ids = ",".join(map(str, prompt["input_ids"]))
            run("inkling-eval", "logits", "--model", model, "--tokens", ids, "--output", work / "logits.npy")
            logits = numpy.load(work / "logits.npy")
            self.assertLessEqual(numpy.abs(logits[-1] - prompt["last_logits"]).max(), TOLERANCE)
            if "argmax_all_positions" in prompt:
                self.assertEqual(logits.argmax(1).tolist(), prompt["argmax_all_positions"])
            wanted = prompt["greedy"]["ids"]
            found = run("inkling-eval", "generate", "--model", model, "--tokens", ids, "--max-new-tokens", len(wanted), "--ignore-eos")
            self.assertEqual([int(word) for word in found.split()], wanted)
            if prompt.get("text"):
                found = run("inkling-eval", "tokenize", "--model", model, "--add-special", text=prompt["text"])
                self.assertEqual([int(word) for word in found.split()], prompt["input_ids"])
        array = folder / "logits_all_p2.npy"
        if array.exists():
            ids = ",".join(map(str, golden["prompts"][2]["input_ids"]))
            run("inkling-eval", "logits", "--model", model, "--tokens", ids, "--output", work / "logits.npy")
            self.assertLessEqual(numpy.abs(numpy.load(work / "logits.npy") - numpy.load(array)).max(), TOLERANCE)

    def test_every_golden_checkpoint(self):
        done, left_out = {}, []
        for folder in sorted(path.parent for golden in GOLDEN for path in golden.glob("*/config.json")):
            name = folder.name
            if not list(folder.glob("*.safetensors")) or not (folder / "golden.json").exists():
                continue
            # Gemma's folders in this repository share the SentencePiece model of one.
            vocabulary = folder.parent / "gemma" if name.startswith("gemma") else folder
            with self.subTest(folder=folder), tempfile.TemporaryDirectory(prefix="inkling-golden-") as temporary:
                work = pathlib.Path(temporary)
                options = {"split_max_tensors": 7} if name == "llama_sharded" else {}
                try:
                    converter = Converter(folder, work / "model.gguf", PRE.get(name, ""), vocabulary, **options)
                except ValueError as error:
                    left_out.append(str(error))
                    continue
                converter.run()
                self.assertEqual(len(list(work.glob("*.gguf"))) > 1, bool(options))
                self.check(folder, work if options else work / "model.gguf", work)
                done[name] = done.get(name, 0) + 1
        print(len(done), "checkpoints as GGUF:", ", ".join(done))
        self.assertGreaterEqual(len(done), 9)
        for line in left_out:
            self.assertIn("falcon_rw", line)


if __name__ == "__main__":
    unittest.main()
