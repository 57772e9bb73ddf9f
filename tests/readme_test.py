#!/usr/bin/env python3
"""README.md shows what is there: its program is examples/hello/hello.cc, and every file it links to exists.

Run by ctest: readme_test.py ROOT. A finding is one line.
"""

import pathlib
import re
import sys


def findings(root):
    for page in [root / "README.md", root / "src" / "README.md", root / "third_party" / "README.md"]:
        text = page.read_text(encoding="utf-8")
        prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)#]+)\)", prose):
            if "://" not in target and not (page.parent / target).exists():
                yield f"{page}: links to {target}, which doesn't exist"
    text = (root / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"```c\+\+\n(.*?)```", text, re.DOTALL)
    program = (root / "examples" / "hello" / "hello.cc").read_text(encoding="utf-8")
    if shown is None or shown.group(1) != program:
        yield "README.md: the C++ program isn't examples/hello/hello.cc, character by character"
    for command in re.findall(r"^((?:examples|tests)/\S+\.sh)", text, re.MULTILINE):
        if not (root / command).is_file():
            yield f"README.md: {command} doesn't exist"


def main():
    found = list(findings(pathlib.Path(sys.argv[1])))
    print("\n".join(found) if found else "README.md is right")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
