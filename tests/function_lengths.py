"""How long functions are: finds every function of a C++, JavaScript, Python, shell or CMake file and counts its lines.

house_rules_test.py calls it, house_rules_selftest.py tests it. A function's lines go from the first of its declaration (of `template` or a decorator, too) to its
closing brace; lambdas and nested functions count in the function around them. C++ isn't parsed: braces are matched in text without
comments, literals and directives, and what stands before a brace says what it opens. Braces that don't match are an error, so that
a file is never measured wrongly without a word.
"""

import ast
import re

# Raw strings, comments, strings and characters; a quote between digits (1'000) is none.
LITERALS = re.compile(
    r'R"([^()\\\s]*)\(.*?\)\1"|//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
SCRIPT_LITERALS = re.compile(
    r'//[^\n]*|/\*.*?\*/|`(?:\\.|[^`\\])*`|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|(?<=[(,=:]) ?/(?:\\.|[^/\\\n])+/', re.DOTALL)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
CONTAINER = re.compile(r"^(?:inline\s+|typedef\s+|export\s+)*(?:namespace|class|struct|enum|union|extern)\b")
FUNCTION = re.compile(r"\)\s*(?:(?:const|noexcept|override|final|mutable|&&?)\s*|->[^(){}]*)*$")
LAMBDA = re.compile(r"\]\s*(?:\([^{}]*)?$")
# `Name(args) : member_` or `..., member_`: the brace after it initialises a member and the declaration goes on.
MEMBER_INITIALIZER = re.compile(r"\)\s*(?:noexcept\s*)?:[^:](?:.*[^\w])?\w+\s*$|\)\s*(?:noexcept\s*)?:\s*\w+\s*$", re.DOTALL)


def blanked(pattern, text):
    """The text with what the pattern finds replaced by blanks, line structure kept."""
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match.group(0)), text)


def first_branches(code):
    """The code without the #else and #elif branches of its conditionals, which may open a brace that another branch opens, too."""
    kept, skipping = [], []
    for line in code.split("\n"):
        directive = re.match(r"\s*#\s*(if|el|endif)", line)
        kind = directive.group(1) if directive else None
        if kind == "if":
            skipping.append(False)
        elif kind == "el" and skipping:
            skipping[-1] = True
        elif kind == "endif" and skipping:
            skipping.pop()
        kept.append("" if any(skipping) and not directive else line)
    return "\n".join(kept)


def declaration(statement):
    """A statement without the template parameters and access specifiers before it, which may hold any of the signs looked for."""
    return re.sub(r"^(?:(?:public|private|protected)\s*:(?!:)\s*|template\s*<[^{}]*?>(?=\s*\w)\s*)+", "", statement.strip())


def opened_by(statement, around):
    """What a brace opens ("container", "function", "data" or "member") after a declaration in a scope of the kind `around`."""
    if around in ("function", "member"):
        return around
    if FUNCTION.search(statement) or LAMBDA.search(statement):
        return "function"
    if around == "data" or CONTAINER.search(statement):
        return "data" if around == "data" else "container"
    if MEMBER_INITIALIZER.search(statement):
        return "member"
    return "function" if "(" in statement and "=" not in statement.split("(")[0] else "data"


def name_in(statement):
    """The name of the function that a declaration declares: `A::B`, `TEST(A, B)`."""
    match = re.search(r"\b(TEST(?:_\w)?\([^()]*\))|([\w:]*operator\W+?|[\w~:]+)\s*\(", statement)
    return (match.group(1) or match.group(2)) if match else "a lambda"


def braced_functions(code):
    """(first line, last line, name) of the functions of blanked code whose scopes are braces."""
    found, scopes = [], []  # a scope: its kind and the offset at which the statement that opened it starts
    start = 0  # of the statement that is being read
    for match in re.finditer(r"[{};]", code):
        at, sign = match.start(), match.group(0)
        around = scopes[-1][0] if scopes else "container"
        if sign == "{":
            kind = opened_by(declaration(code[start:at]), around)
            scopes.append((kind, start))
        elif sign == "}":
            if not scopes:
                raise ValueError(f"a brace is closed on line {code.count(chr(10), 0, at) + 1} that none opened")
            kind, opened = scopes.pop()
            outside = scopes[-1][0] if scopes else "container"
            if kind == "function" and outside != "function":
                first = opened + len(code[opened:at]) - len(code[opened:at].lstrip())
                found.append((code.count("\n", 0, first) + 1, code.count("\n", 0, at) + 1, name_in(declaration(code[first:at]))))
            if kind == "member":
                start = opened  # the constructor's statement goes on
                continue
        if around != "function" or sign != ";":
            start = at + 1
    if scopes:
        raise ValueError(f"the brace of line {code.count(chr(10), 0, scopes[-1][1]) + 1} isn't closed")
    return found


def cpp_functions(text):
    code = blanked(LITERALS, text)
    for directive in DIRECTIVE.finditer(code):
        macro = re.match(r"\s*#\s*define\s+(\w+)", directive.group(0))
        if macro:
            first = code.count("\n", 0, directive.start()) + 1
            yield first, first + directive.group(0).count("\n"), macro.group(1)
    try:
        yield from braced_functions(blanked(DIRECTIVE, code))
    except ValueError:
        yield from braced_functions(blanked(DIRECTIVE, first_branches(code)))


def script_functions(text):
    return braced_functions(blanked(SCRIPT_LITERALS, text))


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield min([node.lineno, *(one.lineno for one in node.decorator_list)]), node.end_lineno, node.name


def paired_functions(text, opens, closes):
    """Functions whose first and last lines match the two patterns and don't nest."""
    first = name = None
    for number, line in enumerate(text.split("\n"), 1):
        match = re.match(opens, line)
        if match:
            first, name = number, match.group(1)
        elif first and re.match(closes, line):
            yield first, number, name
            first = None


def shell_functions(text):
    return paired_functions(text, r"(?:function\s+)?([\w-]+)\s*\(\)\s*[{(]\s*$", r"[})]")


def cmake_functions(text):
    return paired_functions(text, r"\s*(?:function|macro)\s*\(\s*(\w+)", r"\s*(?:endfunction|endmacro)\s*\(")


FINDERS = {
    ".h": cpp_functions, ".cc": cpp_functions, ".c": cpp_functions, ".cpp": cpp_functions, ".mm": cpp_functions,
    ".py": python_functions, ".js": script_functions, ".mjs": script_functions,
    ".sh": shell_functions, ".cmake": cmake_functions, ".txt": cmake_functions,
}


def functions(suffix, text):
    """(first line, last line, name) of every function; ValueError or SyntaxError where the text can't be read."""
    return sorted(FINDERS[suffix](text)) if suffix in FINDERS else []
