#!/usr/bin/env python3
"""Checks the compiled rooms: no mutable state outside objects, no call that ends the process, prints or reads the environment,
and no third-party name that an app's own copy of the same library may define too.

Run by ctest on native builds without sanitizers: library_symbols_test.py ARCHIVE... It sees what macros and templates hide
from house_rules_test.py, which reads the sources.
"""

import re
import subprocess
import sys

FORBIDDEN = {"abort", "exit", "_exit", "_Exit", "quick_exit", "raise", "printf", "puts", "putchar", "vprintf", "perror",
             "__printf_chk", "__fprintf_chk", "__vfprintf_chk", "fprintf", "fputs", "getenv", "secure_getenv", "setenv",
             "__assert_fail", "__cxa_throw", "system", "fork", "signal", "sigaction", "stdout", "stderr",
             "std::cout", "std::cerr", "std::clog", "std::terminate()"}
# Made by the compiler or the headers of others: the runtime's reference to its exception handler, iostream's counter,
# and the one-byte stand-in that flatbuffers uses for the address of an empty vector.
HARMLESS_STATE = re.compile(r"DW\.ref\.__gxx_personality|std::__ioinit|flatbuffers::data<|^\.L")
# What has to be renamed before the rooms see it: third_party/README.md, "Beside an app's own copies".
NOT_RENAMED = re.compile(r"^(?:xnn_|pthreadpool_|cpuinfo_|XXH)|\b(?:hwy|flatbuffers)::")


def not_renamed_in(archive):
    """(object file, symbol) of every name, defined or called, that others may define."""
    listing = subprocess.run(["nm", "--extern-only", "--demangle", archive], capture_output=True, text=True, check=True).stdout
    member = "?"
    for line in listing.splitlines():
        if line.endswith(":"):
            member = line[:-1]
        match = re.match(r"(?:[0-9a-f]+| +) [A-Za-z] (.*)", line)
        if match and NOT_RENAMED.search(match.group(1)):
            yield member, match.group(1)


def state_of(archive):
    """(object file, symbol) of every writable variable."""
    listing = subprocess.run(["objdump", "--syms", "--demangle", archive], capture_output=True, text=True, check=True).stdout
    member = "?"
    for line in listing.splitlines():
        match = re.match(r"(\S+\.o):", line)
        if match:
            member = match.group(1)
        match = re.match(r"[0-9a-f]+ .{7} ?(\S+)\s+[0-9a-f]+ +(?:\.hidden )?(.*)", line)
        if not match:
            continue
        section, name = match.groups()
        writable = section.startswith((".bss", ".data", ".tbss", ".tdata")) and not section.startswith(".data.rel.ro")
        kind = line[17:24]
        if writable and "O" in kind and not HARMLESS_STATE.search(name):
            yield member, name


def calls_of(archive):
    """(object file, symbol) of every undefined symbol that is forbidden."""
    listing = subprocess.run(["nm", "--undefined-only", "--demangle", archive], capture_output=True, text=True, check=True).stdout
    member = "?"
    for line in listing.splitlines():
        if line.endswith(":"):
            member = line[:-1]
        name = line.strip().removeprefix("U ").strip()
        if name.split("@")[0] in FORBIDDEN:
            yield member, name


def main():
    archives = sys.argv[1:]
    if not archives:
        print("usage: library_symbols_test.py ARCHIVE...", file=sys.stderr)
        return 2
    findings = []
    for archive in archives:
        findings += [f"{archive}({member}): mutable state '{name}'" for member, name in state_of(archive)]
        findings += [f"{archive}({member}): calls '{name}'" for member, name in calls_of(archive)]
        findings += [f"{archive}({member}): '{name}' isn't renamed" for member, name in not_renamed_in(archive)]
    print("\n".join(findings))
    print(f"{len(findings)} findings in {len(archives)} archives")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
