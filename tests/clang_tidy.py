#!/usr/bin/env python3
"""Runs clang-tidy over sources; those in which nothing has changed since they were last clean cost nothing.

Called by tests/run.sh --tidy. usage: tests/clang_tidy.py BUILD_FOLDER JOBS SOURCES...
BUILD_FOLDER holds compile_commands.json, without flags that Clang doesn't know (preset tidy). A source takes about ten
seconds of a core, so what was clean leaves a stamp in BUILD_FOLDER/clean: a hash of the checks, the compiler's arguments,
the source and every header that it includes. A finding in a header is shown once. Exit status 1: there are findings.
"""

import concurrent.futures
import functools
import hashlib
import json
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
TIDY = shutil.which("clang-tidy-16") or shutil.which("clang-tidy") or sys.exit("clang_tidy.py: clang-tidy isn't installed")
HEADERS = f"--header-filter=^{re.escape(str(ROOT))}/(include/inkling|src|kernels|converter|examples)/"  # nothing generated


@functools.lru_cache(maxsize=None)
def hash_of(path):
    try:
        return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
    except OSError:
        return "missing"


@functools.lru_cache(maxsize=None)
def checks():
    version = subprocess.run([TIDY, "--version"], capture_output=True, text=True, check=True).stdout
    return version + (ROOT / ".clang-tidy").read_text()


def compiler_arguments(entry):
    arguments = shlex.split(entry["command"])
    while not arguments[0].startswith("-") and not arguments[1].startswith("-"):
        arguments.pop(0)  # ccache in front of the compiler
    at = arguments.index("-o")
    return arguments[:at] + arguments[at + 2:]


def stamp_text(entry, files):
    digest = hashlib.sha256("\n".join([checks(), entry["command"], *map(hash_of, files)]).encode()).hexdigest()
    return "\n".join([digest, *files])


def is_clean(entry, stamp):
    if not stamp.exists():
        return False
    text = stamp.read_text()
    return text == stamp_text(entry, text.split("\n")[1:])


def included_files(entry):
    """The source and every header it includes, as the compiler names them."""
    with tempfile.NamedTemporaryFile("r", suffix=".d") as rule:
        subprocess.run([*compiler_arguments(entry), "-M", "-MF", rule.name],
                       cwd=entry["directory"], check=True)
        names = rule.read().replace("\\\n", " ").split(":", 1)[1].split()
    return [str(pathlib.Path(entry["directory"], name)) for name in names]


def check(entry, build, stamp):
    """None: clean before; otherwise the findings as text, empty if there are none."""
    if is_clean(entry, stamp):
        return None
    run = subprocess.run([TIDY, "--quiet", "-p", build, "--extra-arg=-Wno-unknown-warning-option", HEADERS, entry["file"]],
                         capture_output=True, text=True)
    if run.returncode == 0:
        stamp.write_text(stamp_text(entry, included_files(entry)))
        return ""
    return run.stdout or run.stderr


def main():
    build, jobs, sources = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    entries = {entry["file"]: entry for entry in json.loads(pathlib.Path(build, "compile_commands.json").read_text())}
    clean = pathlib.Path(build, "clean")
    clean.mkdir(exist_ok=True)
    unknown = [source for source in sources if str(ROOT / source) not in entries]
    if unknown:
        sys.exit(f"clang_tidy.py: {build}/compile_commands.json lacks {', '.join(unknown)}")

    shown, unchanged, failed = set(), 0, 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        runs = [pool.submit(check, entries[str(ROOT / source)], build, clean / source.replace("/", "-")) for source in sources]
        for source, run in zip(sources, runs):
            findings = run.result()
            unchanged += findings is None
            failed += bool(findings)
            for finding in re.split(r"^(?=/.*: error: )", findings or "", flags=re.M):
                if finding.strip() and finding not in shown:
                    shown.add(finding)
                    print(f"({source})\n{finding}", end="", flush=True)
    print(f"clang-tidy: {len(sources)} files, {unchanged} unchanged since they were clean, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
