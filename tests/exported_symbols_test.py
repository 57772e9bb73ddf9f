#!/usr/bin/env python3
"""Checks that a shared libinkling shows its public API and nothing else: no symbol of XNNPACK, abseil or the standard library.

Run by ctest: exported_symbols_test.py LIBRARY. A symbol that leaks can be interposed by the app, or
clash with the app's own copy of the same library.
"""

import re
import subprocess
import sys

# inkling_ is also the prefix that third-party names are given (third_party/xnnpack/renamed_symbols.cmake).
PUBLIC = re.compile(r"^(?:(?:vtable|typeinfo|typeinfo name|VTT) for )?inkling::|^inkling_(?!xnn_|pthreadpool_|cpuinfo_|hwy|flatbuffers)")


def main():
    if len(sys.argv) != 2:
        print("usage: exported_symbols_test.py LIBRARY", file=sys.stderr)
        return 2
    listing = subprocess.run(["nm", "--dynamic", "--defined-only", "--demangle", sys.argv[1]],
                             capture_output=True, text=True, check=True).stdout
    names = [line.split(" ", 2)[2] for line in listing.splitlines() if line.count(" ") >= 2]
    leaked = [name for name in names if not PUBLIC.search(name)]
    public = len(names) - len(leaked)
    print("\n".join(f"leaks: {name}" for name in leaked))
    print(f"{public} public symbols, {len(leaked)} that leak")
    if not any("inkling::LlmModel::Open" in name for name in names):
        print("inkling::LlmModel::Open is not exported")
        return 1
    return 1 if leaked else 0


if __name__ == "__main__":
    sys.exit(main())
