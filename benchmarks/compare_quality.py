#!/usr/bin/env python3
"""Measures what rounding costs: our types and llama.cpp's, on one model and one text, against the same weights in f32.

    compare_quality.py MODEL --text FILE --calibration FILE [--llama "PREFIX" --exchange DIR=SEEN_AS]

MODEL is a GGUF file in F32, or a Hugging Face folder with a SentencePiece model (gguf_from_hugging_face.py makes the GGUF file,
which needs python3-gguf). Windows of 512 tokens, second half scored, as llama-perplexity does it; both sides are run by
their own programs, so everything is included that a user gets, rounding of activations too. Calibration is for
--quality=best and for llama-imatrix; give another text than the measured one.

--llama: how to run one of llama.cpp's programs, put before its name ("../shared/peer/run.sh"; default: they are on PATH).
--exchange: a folder for the files of both sides, and what it is called where llama.cpp's programs run.
--ours / --theirs: which rows, each a name and its flags. Output: a Markdown table, sorted by bits per weight.
"""

import argparse
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
OURS = ["int4 channel: --weights=int4 --block=channel", "int4/128: --weights=int4 --block=128", "int4/64: --weights=int4 --block=64",
        "int4/32: --weights=int4 --block=32", "int4/32, all: --weights=int4 --block=32 --embedding=int4", "int8: --weights=int8"]
THEIRS = ["Q4_0: Q4_0", "Q4_0, all: --pure Q4_0", "Q4_0, imatrix: --imatrix Q4_0", "Q4_K_M: Q4_K_M",
          "Q4_K_M, imatrix: --imatrix Q4_K_M", "Q8_0: Q8_0"]


def run(command):
    """What a program writes, both streams together; ends this one if it fails."""
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        sys.exit(f"compare_quality.py: {shlex.join(map(str, command))}: exit status {done.returncode}\n{text[-2000:]}")
    return text


def numbers(pattern, text, what):
    found = re.search(pattern, text)
    if not found:
        sys.exit(f"compare_quality.py: {what} says nothing of the form {pattern}:\n{text[-2000:]}")
    return [float(number) for number in found.groups()]


class Ours:
    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        self.f32 = folder / "f32.tflite"
        self.importance = None
        self.convert(self.f32, ["--weights=f32"])

    def convert(self, output, flags):
        return run([self.args.bin / "inkling-convert", self.args.model, output, *flags])

    def importance_file(self):
        """Made when the first row asks for it."""
        if self.importance is None:
            self.importance = self.folder / "importance"
            run([self.args.bin / "inkling-eval", "importance", "--model", self.f32, "--text", self.args.calibration,
                 "--output", self.importance, "--block", self.args.neighbours])
        return self.importance

    def measure(self, name, flags):
        """(bits, mean KL, perplexity, name) of a conversion."""
        output = self.folder / "ours.tflite"
        if "--quality=best" in flags or any(flag.startswith("--bits") for flag in flags):
            flags = [*flags, f"--importance={self.importance_file()}"]
        bits, = numbers(r"([\d.]+) bits per weight", self.convert(output, flags), "inkling-convert")
        said = run([self.args.bin / "inkling-eval", "kl", "--model", output, "--reference", self.f32, "--text", self.args.text,
                    "--windows", self.args.windows])
        divergence, perplexity = numbers(r"mean KL ([\d.]+).*perplexity ([\d.]+)", said, "inkling-eval kl")
        return bits, divergence, perplexity, f"{name}"


class Theirs:
    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        self.inside = pathlib.PurePath(args.exchange.split("=")[1]) / folder.name if args.exchange else folder
        for file in (args.text, args.calibration):
            shutil.copyfile(file, folder / pathlib.Path(file).name)
        if args.model.is_dir():
            shutil.copytree(args.model, folder / "checkpoint")
            shutil.copyfile(ROOT / "benchmarks/gguf_from_hugging_face.py", folder / "gguf_from_hugging_face.py")
            self.program("python3", self.inside / "gguf_from_hugging_face.py", self.inside / "checkpoint", self.inside / "f32.gguf")
        else:
            shutil.copyfile(args.model, folder / "f32.gguf")
        self.perplexity("f32.gguf")
        self.program("llama-imatrix", "-m", self.inside / "f32.gguf", "-f", self.inside / pathlib.Path(args.calibration).name,
                     "-o", self.inside / "imatrix.gguf", "-c", 512, "-t", self.args.threads)

    def program(self, *command):
        return run([*shlex.split(self.args.llama), *command])

    def perplexity(self, model, *flags):
        chunks = ["--chunks", self.args.windows] if self.args.windows else []
        return self.program("llama-perplexity", "-m", self.inside / model, "-f", self.inside / pathlib.Path(self.args.text).name,
                            "-c", 512, "-t", self.args.threads, "--kl-divergence-base", self.inside / "logits", *chunks, *flags)

    def measure(self, name, flags):
        matrix = ["--imatrix", self.inside / "imatrix.gguf"] if "--imatrix" in flags else []
        flags = [flag for flag in flags if flag != "--imatrix"]
        said = self.program("llama-quantize", *matrix, *flags[:-1], self.inside / "f32.gguf", self.inside / "theirs.gguf", flags[-1], 2)
        bits, = numbers(r"quant size +=.*\(([\d.]+) BPW\)", said, "llama-quantize")
        said = self.perplexity("theirs.gguf", "--kl-divergence")
        # Its summary is sometimes lost when it exits; the last line of its running table says the same.
        perplexity, divergence = numbers(r"(?s)^.*\n *\d+ +([\d.]+) ±[^±\n]*±[^±\n]*? ([\d.]+) ±", said, "llama-perplexity")
        return bits, divergence, perplexity, f"llama.cpp {name}"


def read_rows(texts, side):
    rows = []
    for text in texts:
        name, _, flags = text.partition(": ")
        print(f"measuring {name}", file=sys.stderr)
        rows.append(side.measure(name, shlex.split(flags)))
        print(*rows[-1], file=sys.stderr, flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--text", required=True)
    parser.add_argument("--calibration", required=True)
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/release/bin")
    parser.add_argument("--llama", default="")
    parser.add_argument("--exchange", default="")
    parser.add_argument("--windows", type=int, default=0, help="at most so many; 0: all of the text")
    parser.add_argument("--threads", type=int, default=2, help="of llama.cpp's programs, which spin: 1 on a busy machine")
    parser.add_argument("--neighbours", type=int, default=256, help="inkling-eval importance --block")
    parser.add_argument("--ours", action="append", help="a row: NAME: FLAGS OF inkling-convert; none: no row of ours")
    parser.add_argument("--theirs", action="append", help="a row: NAME: FLAGS OF llama-quantize TYPE; none: no llama.cpp")
    args = parser.parse_args()
    ours = args.ours or OURS + [f"{row.replace(':', ', best:', 1)} --quality=best" for row in OURS]
    theirs = args.theirs or THEIRS
    with tempfile.TemporaryDirectory(dir=args.exchange.split("=")[0] or None) as folder:
        rows = []
        if ours != ["none"]:
            rows += read_rows(ours, Ours(args, pathlib.Path(folder)))
        if theirs != ["none"]:
            rows += read_rows(theirs, Theirs(args, pathlib.Path(folder)))
    print("| | bits per weight | mean KL | perplexity |\n|---|---|---|---|")
    for bits, divergence, perplexity, name in sorted(rows):
        print(f"| {name} | {bits:.2f} | {divergence:.5f} | {perplexity:.4f} |")


if __name__ == "__main__":
    main()
