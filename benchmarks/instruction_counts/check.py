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

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from committed_counts import Counting, change, per_token, skip

COUNTS = pathlib.Path(__file__).resolve().with_name("counts.json")
KERNELS = "kernels avx2 AVX2"


def counted(program, folder):
    """The program's output under callgrind, and {mark: {"all": instructions since the mark before}}."""
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
            counts[mark.group(1)] = {"all": int(total.group(1))}
    return output.stdout, counts


def compare(found, expected):
    """Prints a table; the names whose counts have grown too much, or that are on one side only."""
    wrong = []
    print(f"{'instructions per token':24} {'committed':>12} {'now':>12}")
    for name in sorted(set(found) | set(expected)):
        now, before = found.get(name), expected.get(name)
        what = change(now, before)
        if what in ("grown", "missing"):
            wrong.append(f"{name}: {before} before, {now} now")
        if what != "missing":
            note = {"grown": "  GROWN", "shrunk": "  shrunk: commit the new counts"}.get(what, "")
            print(f"{name:24} {before:12} {now:12} {now / before - 1:+7.1%}{note}")
    return wrong


def main(arguments):
    counting = Counting(arguments, __doc__, "check.py", COUNTS, {"--write"})
    if shutil.which("valgrind") is None:
        skip("valgrind isn't installed (third_party/install_packages.sh test)")
    expected = {} if counting.flags else counting.expected()
    with tempfile.TemporaryDirectory() as folder:
        output, counts = counted(counting.program, folder)
    if "built without valgrind" in output:
        skip("the program was built before valgrind was installed: configure again")
    if KERNELS not in output:
        skip(f"expected '{KERNELS}' under valgrind, found {sorted(set(output.splitlines()))}: not a CPU with AVX2")
    found = {name: round(parts["all"]) for name, parts in sorted(per_token(counts).items())}
    if not found:
        sys.exit("check.py: callgrind wrote no counts")
    if "--write" in counting.flags:
        counting.write(found)
        print(COUNTS.read_text(), end="")
        return 0
    return counting.report(compare(found, expected))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
