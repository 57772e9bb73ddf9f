#!/usr/bin/env python3
"""Gives the comments of a header the marks that Doxygen looks for. Doxygen runs it for each file of include/inkling.

usage: doxygen_comments.py HEADER      prints the header with every comment in front of or behind a declaration as ///

The first comment is the file's. One that no declaration follows, and a heading (--- ... ---), stay as they are. A
comment counts for all declarations that follow it without a blank line, so it is repeated for each.
"""

import pathlib
import re
import sys

LINE = re.compile(r"^(\s*)//( ?)(.*)$")
BEHIND = re.compile(r"^(?!\s*(?:[}#]|//|(?:class|struct|friend)\b[^{]*;))(.*\S)\s+// (.*)$")
HEADING = re.compile(r"^-{3} .* -{3}$")


def c_comments_as_lines(text):
    """/* ... */ as // lines, so that both languages are read alike. Line structure stays."""
    def lines(match):
        inner = [re.sub(r"^ ?\* ?", "", line.strip()) for line in match.group(2).split("\n")]
        first, *others = [line.rstrip() for line in inner]
        start = match.start() - text.rfind("\n", 0, match.start()) - 1
        indent = " " * start if not match.group(1).strip() else match.group(1)[:len(match.group(1)) - len(match.group(1).lstrip())]
        return match.group(1) + "\n".join([f"// {first}", *(f"{indent}// {line}".rstrip() for line in others)])

    return re.sub(r"(?m)^([^\n\"]*?)/\*(.*?)\*/", lambda match: lines(match), text, flags=re.DOTALL)


def escaped(text):
    """Plain text, in which Doxygen finds no commands, tags, links or emphasis; `code` stays code."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([\\@<>#%&$\"])", r"\\\1", part) for part in parts)


def documentation(texts, indent, file=False):
    """A block of comment lines as /// lines; lines that are set in by two or more are code."""
    out, code = ([f"{indent}/// @file"] if file else []), False
    for text in texts:
        is_code = text.startswith("  ")
        if is_code != code and (is_code or text.strip()):
            out.append(f"{indent}/// @{'code' if is_code else 'endcode'}")
            code = is_code
        out.append(f"{indent}/// {text if code else escaped(text)}".rstrip())
    return out + ([f"{indent}/// @endcode"] if code else [])


def is_declaration(line):
    return bool(line.strip()) and not re.match(r"\s*(?://|[#}]|namespace\b|public:|private:|extern \"C\")", line)


def marked(lines):
    out, at, first, pending = [], 0, True, []
    while at < len(lines):
        match = LINE.match(lines[at])
        if match:
            texts, begin = [], at
            while at < len(lines) and (match := LINE.match(lines[at])):
                texts.append(match.group(3))
                at += 1
            indent = LINE.match(lines[begin]).group(1)
            documents = first or (at < len(lines) and (is_declaration(lines[at]) or lines[at].startswith("#define")))
            if documents and not HEADING.match(texts[0]):
                pending = documentation(texts, indent, first)
                out += pending
                pending = [] if first else pending
            else:
                out += lines[begin:at]
                pending = []
            first = False
            continue
        at, pending = declaration(lines, at, out, pending)
    return out


def declaration(lines, at, out, pending):
    """Copies one declaration, which may be of several lines, or a line that is none. Returns what a next one is told."""
    if not is_declaration(lines[at]) and not lines[at].startswith("#define"):
        out.append(lines[at])
        return at + 1, []
    if pending and out[-len(pending):] != pending and not BEHIND.match(lines[at]):
        out += pending
    depth = 0
    while True:
        line, at = lines[at], at + 1
        behind = BEHIND.match(line)
        if behind and not HEADING.match(behind.group(2)):
            out.append(f"{behind.group(1)}  ///< {escaped(behind.group(2))}")
            column = line.index("// " + behind.group(2))
            while at < len(lines) and LINE.match(lines[at]) and lines[at].index("//") >= min(column, 8) and lines[at].index("//") > 7:
                out.append(f"{' ' * column}///< {escaped(LINE.match(lines[at]).group(3))}")
                at += 1
            code = behind.group(1)
        else:
            out.append(line)
            code = line
        depth += code.count("(") - code.count(")")
        if re.search(r"[;,{}]\s*$", code) and depth <= 0 or at >= len(lines) or not lines[at].strip():
            return at, [] if code.rstrip().endswith("{") else pending
        if code.startswith("#define") and not code.endswith("\\"):
            return at, pending


def main():
    text = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
    if not text.startswith("//"):
        text = c_comments_as_lines(text)
    print("\n".join(marked(text.split("\n"))))


if __name__ == "__main__":
    main()
