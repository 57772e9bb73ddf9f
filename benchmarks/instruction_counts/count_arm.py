#!/usr/bin/env python3
"""Counts instructions per token of a small model on three Arm CPUs that qemu emulates, by kind of step.

usage: count_arm.py COUNTED_PASSES [--compiler=NAME] [--write] [--functions]
  COUNTED_PASSES  the program of that name, in build/arm64/tests
  --compiler      what it was compiled with; counts are compared with those of the same compiler only
  --write         writes arm_counts.json instead of comparing; do it with a change that is meant to cost or save
  --functions     prints which functions the instructions of each kind are in, instead of comparing

Fails when a count has grown by over 5%. The CPUs stand for what decides about kernels: I8MM, dot product only, neither.
Needs qemu-aarch64 with plugins (Debian's qemu-user) and a C compiler for this machine. Exit code 77: skipped, with the
reason. Instructions are not time, but qemu has no better measure, and it is the same on every machine.
"""

import collections
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from committed_counts import Counting, change, per_token, skip

FOLDER = pathlib.Path(__file__).resolve().parent
COUNTS = FOLDER / "arm_counts.json"
CPUS = {"max": "neoni8mm", "cortex-a76": "neondot", "cortex-a72": "neon"}  # and the kernels they must run
KINDS = [  # (kind of step, what the names of its functions contain); the first that fits
    ("matmuls", r"gemm|I8mmMatmul|Multiply(Tile|Blocks|Rows)|Unpack|DequantizeValues|PackedLayout|DequantizedMatmul|SliceMatmul|[a-z0-9]Slice|"
                 r"RunMatmuls|xnn_|pthreadpool"),
    ("attention", r"kernels.*::(Attend|Combine|Store)"),
    ("quantise", r"Quantize|InterleaveRows|SumUnits"),
    ("norm", r"Norm|ResidualAdd"),
    ("rope", r"Rotate|Rope"),
    ("softmax", r"Softmax|ArgMax|LogSumExp"),
    ("activation", r"Activate"),
]


def build_plugin(folder):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or shutil.which("qemu-aarch64") is None or shutil.which("c++filt") is None:
        skip("needs cc, c++filt and qemu-aarch64 (third_party/install_packages.sh build arm)")
    plugin = f"{folder}/qemu_counter.so"
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", str(FOLDER / "qemu_counter.c"), "-o", plugin], check=True)
    return plugin


def qemu(cpu, *arguments):
    return ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu", "-cpu", cpu, *arguments]


def counted(program, models, plugin, cpu, out):
    """{name of a mark: {function: instructions}} of one run on `cpu`."""
    run = subprocess.run(qemu(cpu, "-plugin", f"file={plugin},out={out}", program, models), check=False,
                         capture_output=True, text=True)
    if run.returncode != 0:
        if "plugin" in run.stderr:
            skip(f"this qemu has no plugins, or another interface for them: {run.stderr.strip()}")
        print(run.stdout, run.stderr, sep="\n")
        sys.exit(f"count_arm.py: {program} failed on {cpu} (exit {run.returncode})")
    kernels = set(re.findall(r"^kernels (\S+)", run.stdout, re.MULTILINE))
    if kernels != {CPUS[cpu]}:
        sys.exit(f"count_arm.py: expected kernels {CPUS[cpu]} on {cpu}, found {sorted(kernels)}")
    names = dict(re.findall(r"^mark (\d+) (.*)$", run.stdout, re.MULTILINE))
    counts, current = {}, {}
    for line in pathlib.Path(out).read_text().splitlines():
        first, rest = line.split(" ", 1)
        if first == "mark":
            current = counts.setdefault(names[rest], {})
        else:
            current[rest] = int(first)
    known = demangled(sorted({name for functions in counts.values() for name in functions}))
    result = {mark: collections.Counter() for mark in counts}
    for mark, functions in counts.items():
        for name, count in functions.items():
            result[mark][known[name]] += count
    return result


def demangled(names):
    """{name as the linker knows it: with namespaces and template arguments, without parameters}."""
    output = subprocess.run(["c++filt", "--no-params"], input="\n".join(names), check=True, capture_output=True, text=True)
    return dict(zip(names, output.stdout.splitlines()))


def kind_of(function):
    return next((kind for kind, pattern in KINDS if re.search(pattern, function)), "rest")


def by_kind(functions):
    kinds = collections.Counter()
    for name, count in functions.items():
        kinds[kind_of(name)] += count
    return {"all": round(sum(functions.values())), **{kind: round(count) for kind, count in kinds.most_common()}}


def print_functions(cpu, found):
    for what, functions in found.items():
        print(f"\n{cpu}, {what}")
        for name, count in sorted(functions.items(), key=lambda item: -item[1])[:25]:
            print(f"{count:12.0f} {kind_of(name):10} {name[:140]}")


def print_table(found):
    kinds = ["all", *(kind for kind, _ in KINDS), "rest"]
    print("| instructions per token | " + " | ".join(kinds) + " |\n|---|" + "---|" * len(kinds))
    for what in next(iter(found.values())):
        for cpu in found:
            cells = " | ".join(f"{found[cpu][what].get(kind, 0):,}" for kind in kinds)
            print(f"| {what}, {cpu} ({CPUS[cpu]}) | {cells} |")


def compare(found, expected):
    wrong = []
    for cpu in sorted(set(found) | set(expected)):
        for name in sorted(set(found.get(cpu, {})) | set(expected.get(cpu, {}))):
            now = found.get(cpu, {}).get(name, {}).get("all")
            before = expected.get(cpu, {}).get(name, {}).get("all")
            what = change(now, before)
            if what in ("grown", "missing"):
                wrong.append(f"{name} on {cpu}: {before} before, {now} now")
            elif what == "shrunk":
                print(f"shrunk, commit the new counts: {name} on {cpu}: {before} before, {now} now")
    return wrong


def main(arguments):
    counting = Counting(arguments, __doc__, "count_arm.py", COUNTS, {"--write", "--functions"})
    expected = {} if counting.flags else counting.expected()
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        plugin = build_plugin(folder)
        subprocess.run(qemu("max", counting.program, "--write", folder), check=True)
        for cpu in CPUS:
            functions = per_token(counted(counting.program, folder, plugin, cpu, f"{folder}/counts"))
            if "--functions" in counting.flags:
                print_functions(cpu, functions)
            found[cpu] = {what: by_kind(counts) for what, counts in functions.items()}
    print_table(found)
    if "--write" in counting.flags:
        counting.write(found)
    return 0 if counting.flags else counting.report(compare(found, expected))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
