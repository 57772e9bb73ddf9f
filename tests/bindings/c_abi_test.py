#!/usr/bin/env python3
"""Checks that the C API's binary interface is the recorded one: its functions' types, its structs' layouts, its constants.

Run by ctest: c_abi_test.py INCLUDE_DIR C_COMPILER [SHARED_LIBRARY]. With --record as the last argument it writes c_abi.txt anew.
A change is allowed together with a new number: INKLING_ABI_VERSION for what is added, and the major version (the shared
library's soname) where something that was there changes or goes. The recorded layout is that of 64-bit systems.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

RECORD = pathlib.Path(__file__).with_name("c_abi.txt")


def preprocessed(include, compiler):
    """The headers of the C API as one text, without those of the system."""
    listing = subprocess.run([compiler, "-std=c99", "-E", f"-I{include}", "-"], input='#include "inkling/inkling.h"\n',
                             capture_output=True, text=True, check=True).stdout
    own, lines = False, []
    for line in listing.splitlines():
        marker = re.match(r'# \d+ "([^"]*)"', line)
        if marker:
            own = str(include) in marker.group(1)
        elif own:
            lines.append(line)
    return re.sub(r"\s+", " ", re.sub(r'__attribute__\(\(visibility\("default"\)\)\)', "", " ".join(lines)))


def structs_of(text):
    """{struct: [field]} of all structs that the headers define."""
    found = {}
    for name, body in re.findall(r"typedef struct (\w+) \{([^}]*)\}", text):
        fields = [re.search(r"(\w+)\s*$", field) for field in body.split(";") if field.strip()]
        found[name] = [field.group(1) for field in fields]
    return found


def constants_of(text):
    return [name for body in re.findall(r"enum \{([^}]*)\}", text) for name in re.findall(r"(INKLING_\w+)", body)]


def layout(include, compiler, text):
    """Lines that say where each field lies and what each constant is, as the compiler has it."""
    program = ['#include <stdio.h>', '#include "inkling/inkling.h"', "int main(void) {"]
    for name, fields in sorted(structs_of(text).items()):
        program.append(f'printf("struct {name} size %d\\n", (int)sizeof({name}));')
        for field in fields:
            program.append(f'printf("  {name}.{field} at %d size %d\\n", (int)offsetof({name}, {field}), '
                           f'(int)sizeof((({name}*)0)->{field}));')
    program += [f'printf("constant {name} %d\\n", (int){name});' for name in sorted(constants_of(text))]
    program += ["return 0;", "}"]
    with tempfile.TemporaryDirectory() as folder:
        source, binary = pathlib.Path(folder, "layout.c"), pathlib.Path(folder, "layout")
        source.write_text("\n".join(program) + "\n")
        subprocess.run([compiler, "-std=c99", f"-I{include}", str(source), "-o", str(binary)], check=True)
        return subprocess.run([str(binary)], capture_output=True, text=True, check=True).stdout.splitlines()


def functions_of(text):
    """Declarations, one line each."""
    text = re.sub(r"static inline.*?\n?\}", "", re.sub(r"typedef struct \w+ \{[^}]*\} \w+ ?;", "", text))
    declared = re.findall(r"([\w*][\w* ]*?\b(inkling_\w+) ?\([^()]*\)) ?;", text)
    return {name: "function " + " ".join(line.split()) for line, name in declared if "typedef" not in line}


def callbacks_of(text):
    return sorted("callback " + " ".join(line.split()) for line in re.findall(r"typedef ([^;{}]*\(\*\w+\)\([^;]*\));", text))


def exported(library):
    listing = subprocess.run(["nm", "--dynamic", "--defined-only", library], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1] for line in listing.splitlines()}


def abi_version(include):
    return int(re.search(r"#define INKLING_ABI_VERSION (\d+)", pathlib.Path(include, "inkling/c/types.h").read_text()).group(1))


def compare(now, then):
    """What a person should do about a difference; nothing if there is none."""
    then_version, then_lines = int(then[0].split()[-1]), set(then[1:])
    now_version, now_lines = int(now[0].split()[-1]), set(now[1:])
    gone, new = sorted(then_lines - now_lines), sorted(now_lines - then_lines)
    for line in gone:
        print(f"was:  {line}")
    for line in new:
        print(f"now:  {line}")
    if (gone or new) and now_version == then_version:
        print("The C API's binary interface has changed and INKLING_ABI_VERSION has not (include/inkling/c/types.h). Raise it; if "
              "something that apps use is altered or gone, raise the project's major version, too. Then record: --record.")
        return 1
    if now != then:
        print("The record is of another version; write it anew with --record and commit it.")
        return 1
    return 0


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--record"]
    if len(arguments) not in (2, 3):
        print("usage: c_abi_test.py INCLUDE_DIR C_COMPILER [SHARED_LIBRARY] [--record]", file=sys.stderr)
        return 2
    include, compiler = arguments[:2]
    text = preprocessed(include, compiler)
    functions = functions_of(text)
    now = [f"abi version {abi_version(include)}"]
    now += [functions[name] for name in sorted(functions)] + callbacks_of(text) + layout(include, compiler, text)
    if "--record" in sys.argv:
        RECORD.write_text("\n".join(now) + "\n")
        print(f"{RECORD.name}: {len(functions)} functions, {len(now)} lines")
        return 0
    result = compare(now, RECORD.read_text().splitlines())
    if len(arguments) == 3:
        missing = sorted(set(functions) - exported(arguments[2]))
        print("\n".join(f"declared, but the library doesn't show it: {name}" for name in missing))
        result = 1 if missing else result
    print(f"{len(functions)} functions, {len(structs_of(text))} structs, {len(constants_of(text))} constants")
    return result


if __name__ == "__main__":
    sys.exit(main())
