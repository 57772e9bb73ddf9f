#!/usr/bin/env python3
"""Checks the rules of the house that a compiler can't: who includes whom, file length, names, words, paths.

Run by ctest (one test per rule: house_rules_test.py ROOT RULE) and by hand (house_rules_test.py ROOT: all rules).
It reads the files that git tracks, or every file of an unpacked archive. A finding is one line: file:line: what, and why.
Exit code 77 means skipped, with the reason printed.
"""

import pathlib
import re
import shutil
import subprocess
import sys

import function_lengths

SKIPPED = 77
CODE_SUFFIXES = {".h", ".cc", ".c", ".cpp", ".mm", ".inc"}
TEXT_SUFFIXES = CODE_SUFFIXES | {".py", ".sh", ".cmake", ".txt", ".md", ".fbs", ".json", ".in", ".js", ".mjs", ""}

# What a reader of one checkpoint format may include besides its own folder: no other reader.
CHECKPOINT_FORMATS = {"converter/checkpoints/*", "converter/tokenizer", "converter/files", "src/format"}

# Which of our own folders, and which third-party headers, the files of a room may include (besides the room itself).
ROOMS = {
    "kernels": ({"kernels"}, {"hwy/"}),
    "src/format": ({"src/format", "kernels"}, {"absl/", "flatbuffers/", "xxhash.h"}),
    "src/compute": ({"src/compute", "src/format", "kernels"}, {"absl/", "xnnpack.h", "pthreadpool.h", "cpuinfo.h"}),
    "src/text": ({"src/text", "src/format"}, {"absl/"}),
    "src/structured": ({"src/structured", "src/text", "src/format", "include/inkling"}, {"absl/"}),
    "src/decoder": ({"src/decoder", "src/compute", "kernels", "src/format"}, {"absl/"}),
    "src/session": (
        {"src/session", "src/structured", "src/text", "src/decoder", "src/compute", "src/format", "kernels", "include/inkling"}, {"absl/"}),
    "src/bindings": ({"src/bindings", "include/inkling"}, {"absl/"}),
    "include/inkling": ({"include/inkling"}, {"absl/"}),
    # The rooms of the converter, lowest first (converter/README.md). "FOLDER/*" is a folder without those in it.
    "converter/files": ({"converter/files", "src/format"}, {"absl/", "nlohmann/"}),
    "converter/templates": ({"converter/templates", "src/text", "src/format"}, {"absl/", "nlohmann/"}),
    "converter/tokenizer": (
        {"converter/tokenizer", "converter/templates", "converter/files", "src/text", "src/format"}, {"absl/", "nlohmann/"}),
    "converter/recipes": ({"converter/recipes", "converter/files", "src/format"}, {"absl/", "nlohmann/"}),
    "converter/checkpoints/pytorch": ({"converter/checkpoints/pytorch", "converter/files", "src/format"}, {"absl/"}),
    "converter/checkpoints/hugging_face": (
        {"converter/checkpoints/hugging_face", "converter/checkpoints/pytorch"} | CHECKPOINT_FORMATS, {"absl/", "nlohmann/"}),
    "converter/checkpoints/gguf": ({"converter/checkpoints/gguf"} | CHECKPOINT_FORMATS, {"absl/", "nlohmann/"}),
    "converter/checkpoints/mediapipe": (
        {"converter/checkpoints/mediapipe", "src/text"} | CHECKPOINT_FORMATS, {"absl/", "nlohmann/", "flatbuffers/"}),
    "converter/checkpoints/llama2c": ({"converter/checkpoints/llama2c"} | CHECKPOINT_FORMATS, {"absl/", "nlohmann/"}),
    "converter/checkpoints": (
        {"converter/checkpoints", "converter/tokenizer", "converter/files", "src/format"}, {"absl/", "nlohmann/"}),
    "converter/plan": (
        {"converter/plan", "converter/checkpoints/*", "converter/recipes", "converter/files", "src/format"}, {"absl/"}),
    "converter/quantize": (
        {"converter/quantize", "converter/plan", "converter/checkpoints/*", "converter/files", "kernels", "src/format"},
        {"absl/", "nlohmann/"}),
    "converter/lora": (
        {"converter/lora", "converter/recipes", "converter/checkpoints/pytorch", "converter/checkpoints/mediapipe", "converter/files",
         "src/structured", "src/format"},
        {"absl/", "nlohmann/"}),
    "converter": (
        {"converter", "src/format"}, {"absl/", "CLI/"}),
}
# All that src/session may include of the rooms that compute, so that it knows no backend; decoder_start, which makes a
# decoder, may include any.
SESSION_SEES = {"src/decoder/decoder.h", "src/decoder/adapter.h", "src/decoder/forward_request.h", "src/decoder/kv_cache.h", "src/decoder/cache_positions.h",
                "src/compute/float_environment.h", "src/compute/pass_limits.h", "kernels/softmax.h"}
LIBRARY = ("include/", "src/", "kernels/")

# "gemma2" is one too: a family name followed by anything but a letter.
FAMILIES = ("gemma", "phi", "llama", "falcon", "qwen", "mistral", "mixtral", "smollm", "stablelm", "tinyllama",
            "codellama", "gpt", "pythia", "olmo")
FAMILY = re.compile(r"(?<![a-z])(?:" + "|".join(FAMILIES) + r")(?![a-z])", re.IGNORECASE)

BANNED_CODE = [
    (r"\b(?:abort|exit|_exit|_Exit|quick_exit|terminate)\s*\(", "ends the app's process"),
    (r"\b(?:printf|fprintf|vprintf|vfprintf|puts|fputs|putchar|perror)\s*\(", "prints"),
    (r"\bstd::(?:cout|cerr|clog)\b", "prints"),
    (r"\b(?:secure_)?getenv\s*\(", "reads the environment"),
    (r"\bthrow\b", "throws"),
    (r"\b(?:ABSL_)?D?LOG\s*\(|\b(?:ABSL_)?D?CHECK(?:_[A-Z]+)?\s*\(", "logs or ends the app's process"),
]
BANNED_TEXT = [(r"\b(?:TODO|FIXME|XXX)\b", "unfinished work belongs in an issue")]
NAMES_NOT_USED = re.compile(r"(?:^|[_./])(?:utils?|helpers?|managers?|base|impl|common|misc|handlers?|processors?)(?:$|[_./])")

# Written in pieces, so that this file doesn't find itself.
PLACES = ["/wo" + "rk/", "/tmp/ink" + "ling", "/ro" + "ot/", "/ho" + "me/", "deb.deb" + "ian.org", "snapshot.deb" + "ian.org",
          "registry.npm" + "js.org", "py" + "pi.org", "files.python" + "hosted.org", "archive.ubu" + "ntu.com"]


# Words of Inkling's own that the field's words have replaced: src/README.md has the table. Written in pieces, too. First what
# may stand for something else, then each old word and the new one. Matched in any case unless the pattern says otherwise.
OTHER_MEANINGS = re.compile(
    r"dot[\W_]*pro" r"ducts?|repro" r"duct|pro" r"duction|pro" r"ductive"
    r"|(?:byte|top|trim|cache|first|second|third|log|perf)[\W_]*(?:cache\W+)?lev" r"els?|performance lev" r"el|implicit-wid" r"ening|MostTokensField\W+max_tok" r"ens", re.IGNORECASE)
OLD_WORDS = [(re.compile(pattern, re.IGNORECASE), new) for pattern, new in [
    (r"pro" r"ducts?", "matmul, multiplication or dot pro" "duct"),
    (r"remain" r"ders?", "residual"),
    (r"(?<![a-z])lev" r"els?(?![a-z])|(?-i:(?<=[a-z])Lev" r"els?|Lev" r"els?(?=[A-Z]))", "quantised value, quants"),
    (r"wid" r"en", "dequantise (integers), convert (floats)"),
    (r"(?<![a-z])lea" r"ses?(?![a-z])|(?-i:(?<=[a-z])Lea" r"se)", "lock"),
    (r"gue" r"ss", "draft token, proposed, accepted"),
    (r"num_draf" r"ted|draf" r"ted tokens?|right[ _]draf" r"ts?|num_ri" r"ght", "draft tokens, accepted tokens"),
    (r"max[_-]tok" r"ens", "context_length"),
    (r"Own" r"Kernels|own_" r"kernels", "MatmulKernel"),
]]
NESTED = re.compile(r"jinja|json|pickle")  # these files count how deep something is nested
NOT_OURS = ("tests/golden/", "tests/fuzz/corpus", "tests/converter/tokenizer_folders/", "benchmarks/speculation_texts/",
            "examples/models/inkling-tiny/", "LICENSE")


def tracked_files(root):
    """Paths relative to root of every file of the project, new ones that git doesn't ignore included."""
    listing = subprocess.run(["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"], capture_output=True, check=False)
    if listing.returncode == 0:
        names = [name for name in listing.stdout.decode().split("\0") if name]
    else:
        names = [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]
        names = [name for name in names if not name.startswith(("build/", ".git/"))]
    return [name for name in names if (root / name).is_file()]


def text_of(root, name):
    return (root / name).read_text(encoding="utf-8", errors="replace")


def code_files(names):
    return [name for name in names if pathlib.PurePath(name).suffix in CODE_SUFFIXES]


def without_comments(text):
    """The text with comments blanked, line structure kept; string literals stay."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)

    def blank(match):
        found = match.group(0)
        return found if found[0] in "\"'" else re.sub(r"[^\n]", " ", found)

    return pattern.sub(blank, text)


def lines_matching(text, pattern):
    for number, line in enumerate(text.split("\n"), 1):
        match = re.search(pattern, line)
        if match:
            yield number, match.group(0)


def room_of(name):
    """The innermost room that holds the file."""
    return max((room for room in ROOMS if name.startswith(room + "/")), key=len, default=None)


def lies_in(name, folder):
    if folder.endswith("/*"):
        return name.rpartition("/")[0] == folder.removesuffix("/*")
    return name.startswith(folder + "/")


def include_allowed(room, included):
    own, third_party = ROOMS[room]
    if included.startswith("inkling/"):
        return "include/inkling" in own
    if included.startswith(("src/", "kernels/", "converter/", "include/", "tests/", "examples/", "benchmarks/")):
        return any(lies_in(included, folder) for folder in own)
    if included.startswith(tuple(third_party)):
        return True
    known = {"absl/", "flatbuffers/", "hwy/", "xnnpack", "pthreadpool", "cpuinfo", "nlohmann/", "CLI/", "gtest/", "benchmark/", "xxhash"}
    return not included.startswith(tuple(sorted(known)))  # the standard library and the system


def rule_includes(root, names):
    """Rooms include only what lies below them; includes are written from the root; xnnpack.h only in src/compute."""
    for name in code_files(names):
        room = room_of(name)
        for number, line in enumerate(text_of(root, name).split("\n"), 1):
            match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
            if not match:
                continue
            quote, included = match.groups()
            if included == "xnnpack.h" and not name.startswith(("src/compute/", "tests/compute/", "tests/install_consumer/", "benchmarks/")):
                yield f"{name}:{number}: includes xnnpack.h, which belongs to src/compute"
            if room and not include_allowed(room, included):
                yield f"{name}:{number}: {room} may not include {included}"
            if (room == "src/session" and included.startswith(("src/decoder/", "src/compute/", "kernels/"))
                    and included not in SESSION_SEES and not name.startswith("src/session/decoder_start.")):
                yield f"{name}:{number}: includes {included}; only decoder_start may know a backend"
            if room and quote == '"' and "/" not in included and included not in ROOMS[room][1]:
                yield f'{name}:{number}: "{included}" isn\'t written from the repository\'s root'


def rule_length(root, names):
    """No source file is over 500 lines; generated tables (.inc) may be."""
    for name in names:
        if pathlib.PurePath(name).suffix in (CODE_SUFFIXES | {".py", ".sh", ".cmake"}) - {".inc"}:
            count = text_of(root, name).count("\n")
            if count > 500:
                yield f"{name}:500: has {count} lines; no file is over 500"


def rule_functions(root, names):
    """No function is over 60 lines, lambdas and nested functions counted with the one around them."""
    for name in names:
        try:
            functions = function_lengths.functions(pathlib.PurePath(name).suffix, text_of(root, name))
        except (ValueError, SyntaxError) as error:
            yield f"{name}:1: its functions can't be measured: {error}"
            continue
        for first, last, function in functions:
            if last - first >= 60:
                yield f"{name}:{first}: {function} has {last - first + 1} lines; no function is over 60"


def rule_families(root, names):
    """Model families are data: their names appear only in converter/, tests/, examples/, benchmarks/ and documents."""
    for name in names:
        if name.startswith(LIBRARY) and not name.endswith(".md"):
            for number, found in lines_matching(text_of(root, name), FAMILY):
                yield f"{name}:{number}: '{found}' names a model family; the runtime knows config values only"


def rule_words(root, names):
    """The library never ends the process, prints, reads the environment, throws, or carries unfinished notes."""
    for name in code_files(names):
        if not name.startswith(LIBRARY):
            continue
        text = text_of(root, name)
        code = without_comments(text)
        for pattern, why in BANNED_CODE:
            for number, found in lines_matching(code, pattern):
                yield f"{name}:{number}: '{found.strip()}' {why}; the library returns absl::Status"
        for pattern, why in BANNED_TEXT:
            for number, found in lines_matching(text, pattern):
                yield f"{name}:{number}: '{found}': {why}"


def rule_vocabulary(root, names):
    """The field's words: the old ones appear in the table of src/README.md (<!-- words --> to <!-- /words -->) and nowhere else."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))

    for name in names:
        if name.startswith(NOT_OURS) or pathlib.PurePath(name).suffix not in TEXT_SUFFIXES - {".inc"}:
            continue
        text = OTHER_MEANINGS.sub(blank, text_of(root, name))
        if name == "src/README.md":
            text = re.sub(r"<!-- words -->.*?<!-- /words -->", blank, text, flags=re.DOTALL)
        for old, new in OLD_WORDS:
            if NESTED.search(name) and new.startswith("quantised"):
                continue
            for number, found in [*lines_matching(name, old), *lines_matching(text, old)]:
                yield f"{name}:{number}: '{found}': the field says {new}"


def rule_names(root, names):
    """Files are named after what they hold, and hold a banner and an include guard that says their path."""
    for name in code_files(names):
        if NAMES_NOT_USED.search(pathlib.PurePath(name).with_suffix("").as_posix()):
            yield f"{name}:1: the name says nothing about the file; name it after its class or subject"
        text = text_of(root, name)
        if not text.startswith(("//", "/*")) and name != "examples/hello/hello.cc":  # README shows that one as it is
            yield f"{name}:1: starts without a banner comment"
        if name.endswith(".h") and not name.endswith("-inl.h"):
            path = name.removeprefix("include/inkling/")  # public headers are known as inkling/<name>
            guard = "INKLING_" + re.sub(r"[^A-Z0-9]", "_", path.upper()) + "_"
            if f"#ifndef {guard}\n" not in text:
                yield f"{name}:1: the include guard isn't {guard}"
    for name in names:
        if re.search(r"\s", name):
            yield f"{name}:1: a blank in a file name breaks shell scripts"


def rule_places(root, names):
    """No file knows one machine's folders or names a package registry's host."""
    for name in names:
        if pathlib.PurePath(name).suffix in TEXT_SUFFIXES and (root / name).stat().st_size < 1 << 20:
            for place in PLACES:
                for number, _ in lines_matching(text_of(root, name), re.escape(place)):
                    yield f"{name}:{number}: '{place}' holds on one machine only"


def rule_format(root, names):
    """Every C++ file is as clang-format would write it."""
    if not shutil.which("clang-format"):
        print("skipped: clang-format is not installed")
        sys.exit(SKIPPED)
    files = [name for name in code_files(names) if not name.endswith(".inc")]
    for start in range(0, len(files), 50):
        result = subprocess.run(["clang-format", "--dry-run", *files[start:start + 50]], cwd=root,
                                capture_output=True, text=True, check=False)
        dirty = {}
        for line in result.stderr.split("\n"):
            match = re.match(r"([^:]+):(\d+):\d+: warning", line)
            if match:
                dirty.setdefault(match.group(1), match.group(2))
        for name, number in dirty.items():
            yield f"{name}:{number}: not formatted; run clang-format -i"
        if result.returncode != 0 and not dirty:
            yield f"clang-format failed: {result.stderr.strip()}"


RULES = {name[len("rule_"):]: rule for name, rule in list(globals().items()) if name.startswith("rule_")}


def main():
    if len(sys.argv) not in (2, 3) or (len(sys.argv) == 3 and sys.argv[2] not in RULES):
        print(f"usage: house_rules_test.py ROOT [{'|'.join(RULES)}]", file=sys.stderr)
        return 2
    root = pathlib.Path(sys.argv[1]).resolve()
    names = tracked_files(root)
    if not names:
        print(f"no files found under {root}", file=sys.stderr)
        return 2
    chosen = [sys.argv[2]] if len(sys.argv) == 3 else list(RULES)
    findings = [finding for rule in chosen for finding in RULES[rule](root, names)]
    print("\n".join(findings))
    print(f"{len(findings)} findings; rules: {', '.join(chosen)}; {len(names)} files")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
