#!/usr/bin/env python3
"""Counts instructions per token of a small model and compares them with counts.json: the guard against slow changes.

usage: check.py COUNTED_PASSES [--compiler=NAME] [--write]
  COUNTED_PASSES  the program of that name, in build/release/tests
  --compiler      what it was compiled with; counts are compared with those of the same compiler only
  --write         writes counts.json instead of comparing; do it with a change that is meant to cost or save instructions

Fails when a count has grown by over 5%, and says so when one has shrunk as much, so that the file keeps up. Valgrind
shows every program the same x86 CPU with AVX2 (it knows no AVX-512), so counts don't depend on the machine; for other
instruction sets they say nothing. Exit code 77: skipped, with the reason.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
ALLOWED_GROWTH = 0.05
COUNTS = pathlib.Path(__file__).resolve().with_name("counts.json")
KERNELS = "kernels avx2 AVX2"


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def counted(program, folder):
    """The program's output under callgrind, and {mark: instructions since the mark before}."""
    subprocess.run([program, "--write", folder], check=True)
    # Without the cache of debug information and with a fixed environment nothing but the program decides.
    output = subprocess.run(
        ["valgrind", "--tool=callgrind", "--error-exitcode=9", f"--callgrind-out-file={folder}/counts", program, folder],
        check=False, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"})
    if output.returncode != 0:
        print(output.stdout, output.stderr, sep="\n")
        sys.exit(f"check.py: {program} failed under valgrind (exit {output.returncode})")
    counts = {}
    for path in pathlib.Path(folder).glob("counts*"):
        text = path.read_text(errors="replace")
        mark = re.search(r"^desc: Trigger: Client Request: (.*)$", text, re.MULTILINE)
        total = re.search(r"^(?:totals|summary): (\d+)", text, re.MULTILINE)
        if mark and total:
            counts[mark.group(1)] = int(total.group(1))
    return output.stdout, counts


def per_token(counts):
    """{"int4 prefill": instructions per prompt token, "int4 decode": per generated token, ...}."""
    result = {}
    for mark, total in sorted(counts.items()):
        model, phase, tokens = mark.split()
        if phase == "prefill":
            result[f"{model} prefill"] = round(total / int(tokens))
        else:
            prefill = next(count for other, count in counts.items() if other.startswith(f"{model} prefill "))
            result[f"{model} decode"] = round((total - prefill) / int(tokens))
    return dict(sorted(result.items()))


def compare(found, expected):
    """Prints a table; the names whose counts have grown too much, or that are on one side only."""
    wrong = sorted(set(found) ^ set(expected))
    print(f"{'instructions per token':24} {'committed':>12} {'now':>12}")
    for name in sorted(set(found) & set(expected)):
        change = found[name] / expected[name] - 1
        note = ""
        if change > ALLOWED_GROWTH:
            wrong.append(name)
            note = "  GROWN"
        elif change < -ALLOWED_GROWTH:
            note = "  shrunk: commit the new counts"
        print(f"{name:24} {expected[name]:12} {found[name]:12} {change:+7.1%}{note}")
    return wrong


def main(arguments):
    program = next((a for a in arguments if not a.startswith("--")), None)
    compiler = next((a.split("=", 1)[1] for a in arguments if a.startswith("--compiler=")), "unknown")
    if program is None or "--help" in arguments:
        print(__doc__)
        return 0 if "--help" in arguments else 2
    if shutil.which("valgrind") is None:
        skip("valgrind isn't installed (third_party/install_packages.sh test)")
    committed = json.loads(COUNTS.read_text()) if COUNTS.exists() else {"compiler": "", "instructions_per_token": {}}
    if "--write" not in arguments and committed["compiler"] != compiler:
        skip(f"the committed counts are of {committed['compiler']}, this build is of {compiler}")
    with tempfile.TemporaryDirectory() as folder:
        output, counts = counted(program, folder)
    if "built without valgrind" in output:
        skip("the program was built before valgrind was installed: configure again")
    if KERNELS not in output:
        skip(f"expected '{KERNELS}' under valgrind, found {sorted(set(output.splitlines()))}: not a CPU with AVX2")
    found = per_token(counts)
    if not found:
        sys.exit("check.py: callgrind wrote no counts")
    if "--write" in arguments:
        COUNTS.write_text(json.dumps({"compiler": compiler, "instructions_per_token": found}, indent=2) + "\n")
        print(COUNTS.read_text(), end="")
        return 0
    wrong = compare(found, committed["instructions_per_token"])
    if wrong:
        print(f"check.py: over {ALLOWED_GROWTH:.0%} more instructions, or not in {COUNTS.name}: {', '.join(wrong)}.")
        print(f"If that is meant: benchmarks/instruction_counts/check.py {program} '--compiler={compiler}' --write")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
