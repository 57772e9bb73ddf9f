#!/usr/bin/env python3
"""Runs inkling-bench and llama-bench in turns and compares the medians of their tokens per second.

One pair, with the flags of either program:

    compare_llama_cpp.py --inkling "--shape gemma-2b --weights int4" --llama "-m gemma-2b-q4_0.gguf"

Every pair of COMPARISON.md, from a folder of fabricate_gguf.py's files (as llama-bench sees it), named SHAPE-TYPE.gguf:

    compare_llama_cpp.py --suite FOLDER [--only gemma-2b] --samples samples.jsonl

Each round runs both programs once with the same tests, so that a busy minute hits both. What is not on PATH or in
build/release/bin is named by --inkling-bench and --llama-bench; a command with arguments will do.

Output: one Markdown table row per test, with the spread (lowest and highest round) of either program. --samples
appends every number to a file, from which draw_comparison.py draws.
"""

import argparse
import json
import shlex
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Shape, our type of every matrix, llama.cpp's type.
SUITE = [
    ("gemma-2b", "int4", "q4_0"),
    ("gemma-2b", "int4/128", "q4_0"),
    ("gemma-2b", "int4/32", "q4_0"),
    ("gemma-2b", "int8", "q8_0"),
    ("gemma2-2b", "int4", "q4_0"),
    ("phi-2", "int4", "q4_0"),
    ("stablelm-3b", "int4", "q4_0"),
    ("llama-3.2-1b", "int4", "q4_0"),
]


def run(command):
    """Runs a bench program and returns its JSON report."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"compare_llama_cpp.py: {shlex.join(command)}: exit status {done.returncode}\n"
                 + done.stderr[-2000:])
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError as error:
        sys.exit(f"compare_llama_cpp.py: {shlex.join(command)}: no JSON on standard output: {error}")


def test_name(row):
    parts = []
    if row["n_prompt"]:
        parts.append(f"prompt {row['n_prompt']}")
    if row["n_gen"]:
        parts.append(f"generate {row['n_gen']}")
    name = " + ".join(parts)
    return f"{name} at depth {row['n_depth']}" if row.get("n_depth") else name


def spread(samples):
    return f"{statistics.median(samples):.1f} ({min(samples):.1f} to {max(samples):.1f})"


def measure(name, arguments, ours, theirs):
    """Runs one pair; prints its rows and appends the samples to the file, if there is one."""
    tests = ["-p", arguments.n_prompt, "-n", arguments.n_gen, "-d", arguments.depth, "-t", str(arguments.threads),
             "-r", str(arguments.repetitions), "-o", "json"]
    programs = {"inkling": shlex.split(arguments.inkling_bench) + ours + tests,
                "llama.cpp": shlex.split(arguments.llama_bench) + theirs + tests}
    found = {program: {} for program in programs}
    for number in range(arguments.rounds):
        for program, command in programs.items():
            print(f"{name}: round {number + 1} of {arguments.rounds}: {program}", file=sys.stderr)
            for row in run(command):
                found[program].setdefault(test_name(row), []).append(row["avg_ts"])
    for test, samples in found["inkling"].items():
        if test not in found["llama.cpp"]:
            sys.exit(f"compare_llama_cpp.py: llama-bench reported no test '{test}', only "
                     f"{', '.join(found['llama.cpp'])}")
        other = found["llama.cpp"][test]
        ratio = statistics.median(samples) / statistics.median(other)
        print(f"| {name} | {test} | {spread(samples)} | {spread(other)} | {ratio:.2f} |", flush=True)
        if arguments.samples:
            with open(arguments.samples, "a", encoding="utf-8") as file:
                print(json.dumps({"pair": name, "test": test, "inkling": samples, "llama.cpp": other}), file=file)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inkling", help="what inkling-bench measures: its flags")
    parser.add_argument("--llama", help="what llama-bench measures: its flags")
    parser.add_argument("--suite", metavar="FOLDER", help="every pair of COMPARISON.md, llama.cpp's files from here")
    parser.add_argument("--only", default="", help="of the suite, the pairs whose name begins like this")
    parser.add_argument("--samples", metavar="FILE", help="append every pair's numbers to this file, as JSON lines")
    parser.add_argument("--inkling-bench", default=str(ROOT / "build/release/bin/inkling-bench"))
    parser.add_argument("--llama-bench", default="llama-bench")
    parser.add_argument("-p", "--n-prompt", default="512", help="prompt lengths, as both take them")
    parser.add_argument("-n", "--n-gen", default="64", help="tokens to generate")
    parser.add_argument("-d", "--depth", default="0", help="positions that are filled before")
    parser.add_argument("-t", "--threads", type=int, default=2)
    parser.add_argument("-r", "--repetitions", type=int, default=2, help="within a round")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error(f"--rounds is {arguments.rounds}; expected at least 1")
    if (arguments.suite is None) == (arguments.inkling is None and arguments.llama is None):
        parser.error("expected --suite, or --inkling and --llama")
    print("| pair | test | inkling, tokens/s | llama.cpp, tokens/s | ratio |\n|---|---|---|---|---|")
    if arguments.suite is None:
        if arguments.inkling is None or arguments.llama is None:
            parser.error("--inkling and --llama belong together")
        measure("given", arguments, shlex.split(arguments.inkling), shlex.split(arguments.llama))
        return
    pairs = [(f"{shape} {ours} : {theirs.upper()}", shape, ours, theirs) for shape, ours, theirs in SUITE]
    chosen = [pair for pair in pairs if pair[0].startswith(arguments.only)]
    if not chosen:
        parser.error(f"--only '{arguments.only}' names no pair; expected the beginning of one of "
                     + ", ".join(pair[0] for pair in pairs))
    for name, shape, ours, theirs in chosen:
        measure(name, arguments, ["--shape", shape, "--weights", ours, "--vocabulary", ours],
                ["-m", f"{arguments.suite}/{shape}-{theirs}.gguf"])


if __name__ == "__main__":
    main()
