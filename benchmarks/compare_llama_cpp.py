#!/usr/bin/env python3
"""Runs inkling-bench and llama-bench in turns and compares the medians of their tokens per second.

    compare_llama_cpp.py --inkling "--shape gemma-2b --weights int4" --llama "-m gemma2b-q4_0.gguf"

Each round runs both programs once with the same tests, so that a busy minute hits both. What is not
on PATH or in build/release/bin is named by --inkling-bench and --llama-bench; a command with arguments will do:

    --llama-bench "../shared/peer/run.sh llama-bench"

Output: one Markdown table row per test, with the spread (lowest and highest round) of either program.
"""

import argparse
import json
import shlex
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


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
    return f"{statistics.median(samples):.2f} ({min(samples):.2f} to {max(samples):.2f})"


def table(ours, theirs):
    lines = ["| test | inkling, tokens/s | llama.cpp, tokens/s | ratio |", "|---|---|---|---|"]
    for name, samples in ours.items():
        if name not in theirs:
            sys.exit(f"compare_llama_cpp.py: llama-bench reported no test '{name}', only "
                     f"{', '.join(theirs)}")
        ratio = statistics.median(samples) / statistics.median(theirs[name])
        lines.append(f"| {name} | {spread(samples)} | {spread(theirs[name])} | {ratio:.2f} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inkling", required=True, help="what inkling-bench measures: its flags")
    parser.add_argument("--llama", required=True, help="what llama-bench measures: its flags")
    parser.add_argument("--inkling-bench", default=str(ROOT / "build/release/bin/inkling-bench"))
    parser.add_argument("--llama-bench", default="llama-bench")
    parser.add_argument("-p", "--n-prompt", default="512", help="prompt lengths, as both take them")
    parser.add_argument("-n", "--n-gen", default="64", help="tokens to generate")
    parser.add_argument("-t", "--threads", type=int, default=2)
    parser.add_argument("-r", "--repetitions", type=int, default=2, help="within a round")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    if args.rounds < 1:
        parser.error(f"--rounds is {args.rounds}; expected at least 1")

    tests = ["-p", args.n_prompt, "-n", args.n_gen, "-t", str(args.threads),
             "-r", str(args.repetitions), "-o", "json"]
    programs = {
        "inkling": shlex.split(args.inkling_bench) + shlex.split(args.inkling) + tests,
        "llama.cpp": shlex.split(args.llama_bench) + shlex.split(args.llama) + tests,
    }
    found = {name: {} for name in programs}
    for number in range(args.rounds):
        for name, command in programs.items():
            print(f"round {number + 1} of {args.rounds}: {name}", file=sys.stderr)
            for row in run(command):
                found[name].setdefault(test_name(row), []).append(row["avg_ts"])
    print(table(found["inkling"], found["llama.cpp"]))


if __name__ == "__main__":
    main()
