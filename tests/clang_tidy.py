#!/usr/bin/env python3
"""Runs clang-tidy over sources; those in which nothing has changed since they were last clean cost nothing.

Called by tests/run.sh --tidy. usage: tests/clang_tidy.py BUILD_FOLDER JOBS SOURCES...
BUILD_FOLDER holds compile_commands.json, without flags that Clang doesn't know (preset tidy). Most of a run goes into
the headers of the standard library and abseil, so up to twelve sources with the same flags are read as one, as long as
their file-local names differ; those that don't compile together after all are read one by one. What was clean leaves a
stamp in BUILD_FOLDER/clean: a hash of the checks, the compiler's arguments, the source and every header that it includes.
A finding in a header is shown once. Exit status 1: there are findings.
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
LARGEST_BATCH = 12
NOT_NAMES = set("namespace inkling const noexcept default return sizeof static_assert int64_t".split())


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
    """The compiler and its arguments, without the source and where its object goes."""
    arguments = shlex.split(entry["command"])
    while not arguments[0].startswith("-") and not arguments[1].startswith("-"):
        arguments.pop(0)  # ccache in front of the compiler
    at = arguments.index("-o")
    return [argument for argument in arguments[:at] + arguments[at + 2:] if argument not in ("-c", entry["file"])]


def stamp_text(entry, files):
    digest = hashlib.sha256("\n".join([checks(), *compiler_arguments(entry), *map(hash_of, files)]).encode()).hexdigest()
    return "\n".join([digest, *files])


def is_clean(entry, stamp):
    if not stamp.exists():
        return False
    text = stamp.read_text()
    return text == stamp_text(entry, text.split("\n")[1:])


def included_files(entry):
    """The source and every header it includes, as the compiler names them."""
    with tempfile.NamedTemporaryFile("r", suffix=".d") as rule:
        subprocess.run([*compiler_arguments(entry), "-M", "-MF", rule.name, entry["file"]], cwd=entry["directory"], check=True)
        names = rule.read().replace("\\\n", " ").split(":", 1)[1].split()
    return [str(pathlib.Path(entry["directory"], name)) for name in names]


def local_names(entry):
    """Names that a source declares outside of classes and functions, and a few more: what begins a line isn't indented."""
    text = pathlib.Path(entry["file"]).read_text()
    lines = re.findall(r"^[A-Za-z].*", text, flags=re.M)
    names = {name for line in lines for name in re.findall(r"(?<![\w:.])([A-Za-z_]\w*)\s*(?=[({=;\[]|$)", line)}
    return names - NOT_NAMES | set(re.findall(r"^#define (\w+)", text, flags=re.M))


def batches(entries, largest):
    """Entries that can be read as one source: the same flags, no name in two of them, none that includes itself (Highway)."""
    groups = {}
    for entry in entries:
        names = local_names(entry)
        alone = entry["file"] if "HWY_TARGET_INCLUDE" in names else ""
        found = groups.setdefault((*compiler_arguments(entry), alone), [])
        for batch, taken in found:
            if len(batch) < largest and not taken & names:
                batch.append(entry)
                taken |= names
                break
        else:
            found.append(([entry], names))
    return [batch for group in groups.values() for batch, _ in group]


def findings_in(batch):
    """What clang-tidy says about the entries, as text; empty: nothing. None: they don't compile as one source."""
    with tempfile.NamedTemporaryFile("w", suffix=".cc") as joined:
        joined.writelines(f'#include "{entry["file"]}"  // NOLINT(bugprone-suspicious-include)\n' for entry in batch)
        joined.flush()
        run = subprocess.run([TIDY, "--quiet", f"--config-file={ROOT}/.clang-tidy", HEADERS, joined.name, "--",
                              *compiler_arguments(batch[0])[1:], "-Wno-unknown-warning-option"],
                             cwd=batch[0]["directory"], capture_output=True, text=True)
    if len(batch) > 1 and "[clang-diagnostic-error]" in run.stdout:
        return None
    return "" if run.returncode == 0 else run.stdout or run.stderr


def check(batch, stamp_of):
    findings = findings_in(batch)
    if findings is None:
        return "".join(check([entry], stamp_of) for entry in batch)
    if not findings:
        for entry in batch:
            stamp_of(entry).write_text(stamp_text(entry, included_files(entry)))
    return findings


def main():
    build, jobs, sources = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    commands = {entry["file"]: entry for entry in json.loads(pathlib.Path(build, "compile_commands.json").read_text())}
    unknown = [source for source in sources if str(ROOT / source) not in commands]
    if unknown:
        sys.exit(f"clang_tidy.py: {build}/compile_commands.json lacks {', '.join(unknown)}")
    clean = pathlib.Path(build, "clean")
    clean.mkdir(exist_ok=True)

    def stamp_of(entry):
        return clean / str(pathlib.Path(entry["file"]).relative_to(ROOT)).replace("/", "-")

    changed = [entry for entry in (commands[str(ROOT / source)] for source in sources) if not is_clean(entry, stamp_of(entry))]
    shown = set()
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        largest = min(LARGEST_BATCH, -(-len(changed) // jobs))
        for run in concurrent.futures.as_completed([pool.submit(check, batch, stamp_of) for batch in batches(changed, largest)]):
            for finding in re.split(r"^(?=/.*: error: )", run.result(), flags=re.M):
                if finding.strip() and finding not in shown:
                    shown.add(finding)
                    print(finding, end="", flush=True)
    print(f"clang-tidy: {len(sources)} files, {len(sources) - len(changed)} unchanged since they were clean, {len(shown)} findings")
    return 1 if shown else 0


if __name__ == "__main__":
    sys.exit(main())
