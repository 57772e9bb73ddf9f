#!/usr/bin/env python3
"""Checks an install tree: nobody else's names in the static library, none but Inkling's shown, no folder of the build machine.

run_consumer.cmake starts it: installed_library_test.py PREFIX FOLDER... --plugin PLUGIN
FOLDERs are where Inkling and its dependencies were built from. PLUGIN links the library: what it shows is its own.
"""

import argparse
import pathlib
import re
import subprocess
import sys

# C names that an app's own copies of these libraries define, and C++ namespaces that carry no version.
THIRD_PARTY = re.compile(r"^(?:xnn_|pthreadpool_|cpuinfo_|clog_)|\b(?:hwy|flatbuffers|tflite|xnnpack)::|AbslInternalGetFileMappingHint$")
# Compiled in by whoever includes a header of the standard library or of abseil, and merged by linkers.
OURS = re.compile(r"\binkling(?:_\w+)?::|^inkling_|\babsl::lts_\d+::|\bstd::|__gnu_cxx::|AbslInternal\w+(?:_lts_\d+|_inkling)$|^DW\.ref\.")


def symbols(path, *options):
    """(type letter, demangled name) of the symbols that a library defines for others."""
    listing = subprocess.run(["nm", "--defined-only", "--demangle", *options, path], capture_output=True, text=True, check=True).stdout
    for line in listing.splitlines():
        match = re.match(r"[0-9a-f]+ ([A-Za-z]) (.*)", line)
        if match:
            yield match.groups()


def findings_of_archives(prefix):
    for archive in sorted(prefix.rglob("*.a")):
        for kind, name in symbols(archive, "--extern-only"):
            if THIRD_PARTY.search(name):
                yield f"{archive.name} defines '{name}', which an app's own copy may define too"
            elif kind in "TDBR" and not OURS.search(name):
                yield f"{archive.name} defines '{name}', which is no name of Inkling's"


def findings_of_plugin(plugin, shared):
    for _, name in symbols(plugin, "--dynamic", "--extern-only"):
        if THIRD_PARTY.search(name) or "inkling_" in name or (not shared and re.match(r"inkling::Llm\w+::", name)):
            yield f"the plugin shows '{name}'"


def findings_of_paths(prefix, folders):
    for path in sorted(prefix.rglob("*")):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            for folder in folders:
                at = content.find(folder.encode())
                if at >= 0:
                    found = content[at:at + 120].split(b"\0")[0].split(b"\n")[0].decode(errors="replace")
                    yield f"{path.relative_to(prefix)} names a folder of this machine: {found}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("prefix", type=pathlib.Path)
    parser.add_argument("--plugin", type=pathlib.Path)
    parser.add_argument("folders", nargs="*")
    arguments = parser.parse_args()
    shared = bool(list(arguments.prefix.rglob("libinkling.so*")))
    if not shared and not list(arguments.prefix.rglob("libinkling.a")):
        print(f"there is no libinkling in {arguments.prefix}")
        return 1
    findings = list(findings_of_archives(arguments.prefix))
    findings += findings_of_plugin(arguments.plugin, shared)
    findings += findings_of_paths(arguments.prefix, arguments.folders)
    print("\n".join(findings))
    print(f"{len(findings)} findings in the {'shared' if shared else 'static'} library's install tree")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
