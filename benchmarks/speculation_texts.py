#!/usr/bin/env python3
"""Writes the texts of speculation_speed into a folder: NAME.prompt.txt and NAME.answer.txt.

usage: speculation_texts.py FOLDER [--wiki wiki.test.raw] [--stories tiny_stories.txt]

Texts that repeat their prompt: an edit of a source file is a commit of this repository (the prompt has the file before it,
the answer is the file after it); summaries of two of its pages, as a model would write them, lie in speculation_texts/; the
head of a Wikipedia article is a summary of the rest, by people who did not copy; quotes are the first sentences of its
paragraphs. Texts that don't: the same articles and stories going on, and source files written from their first lines.
"""

import argparse
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
REVISION = "7728fb3"  # pages that are summarised, files that are written anew
EDITS = {
    "edit-decoder": ("f129331", "src/decoder/decoder.cc"),
    "edit-bench": ("2e4a6a2", "examples/programs/speed_test.cc"),
    "edit-plan": ("d5fe55d", "converter/tensor_plan.cc"),
    "edit-linear": ("63e6724", "src/compute/linear.cc"),
}
SUMMARIES = {
    "summary-readme": ("README.md", "readme_summary.txt"),
    "summary-arm": ("benchmarks/ARM.md", "arm_summary.txt"),
}
ARTICLES = {
    "hurricane": "1933 Treasure Coast hurricane",
    "squadron": "No. 20 Squadron RAAF",
    "dodd": "Hannah Dodd",
    "poem": "Little Gidding ( poem )",
    "dvorak": "Dvorak technique",
}
NEW_FILES = {"new-unigram": "src/text/unigram.cc", "new-attention": "src/decoder/attention.cc"}


def git(*arguments):
    return subprocess.run(["git", "-C", ROOT, *arguments], check=True, capture_output=True, text=True).stdout


def edit(commit, path):
    """The answer begins a few lines in front of the first that the commit changed."""
    before, after = (git("show", f"{revision}:{path}").splitlines(keepends=True) for revision in (f"{commit}~", commit))
    same = next(i for i, lines in enumerate(zip(before, after)) if lines[0] != lines[1])
    begin = max(0, same - 5)
    prompt = f"{git('log', '-1', '--format=%s', commit)}Make this change in {path}:\n\n{''.join(before)}"
    return prompt + "\nThe whole file with the change:\n\n" + "".join(after[:begin]), "".join(after[begin:])


def article(wiki, title):
    """A page of WikiText without its spaces around punctuation, cut into its head and the rest."""
    begin = wiki.index(f"\n = {title} = \n")
    end = re.search(r"\n = [^=\n]+ = \n", wiki[begin + 5:])
    text = wiki[begin:begin + 5 + end.start()] if end else wiki[begin:]
    text = re.sub(r" @([-,.])@ ", r"\1", text)
    text = re.sub(r" ([,.;:)?!%])", r"\1", text)
    text = re.sub(r"([($]) ", r"\1", text)
    text = re.sub(r" ('s|'t|')", r"\1", text)
    text = re.sub(r'" ([^"]*?) "', r'"\1"', text)
    text = re.sub(r" ([/–]) ", r"\1", text)
    text = re.sub(r"\n+", "\n\n", re.sub(r" *\n *", "\n", text)).strip()
    head, _, rest = text.partition("\n\n= = ")
    return head, "= = " + rest


def first_sentences(text):
    paragraphs = (p for p in text.split("\n\n") if not p.startswith("= "))
    return "\n\n".join(re.match(r".*?(?<![A-Z])\.(?= |$)|.*", p, re.S).group() for p in paragraphs)


def texts(wiki, stories):
    for name, (commit, path) in EDITS.items():
        yield name, *edit(commit, path)
    for name, (page, summary) in SUMMARIES.items():
        answer = (ROOT / "benchmarks" / "speculation_texts" / summary).read_text()
        yield name, f"{git('show', f'{REVISION}:{page}')}\nSummarise this page.\n\n", answer.replace("\n\n", "\0").replace(
            "\n", " ").replace("\0", "\n\n")
    for name, path in NEW_FILES.items():
        yield name, f"Write {path}.\n\n", git("show", f"{REVISION}:{path}")
    for name, title in ARTICLES.items() if wiki else ():
        head, rest = article(wiki, title)
        yield f"quotes-{name}", f"{rest}\n\nQuote the first sentence of each paragraph.\n\n", first_sentences(rest)
        yield f"head-{name}", f"{rest}\n\nSummarise this article.\n\n", head
        if len(rest) > 8000:
            yield f"article-{name}", rest[:4000], rest[4000:]
    if stories:
        yield "stories", stories[:4000], stories[4000:8000]


def main():
    parser = argparse.ArgumentParser(description="Writes the texts of speculation_speed.")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--wiki", type=pathlib.Path, help="WikiText-2's wiki.test.raw")
    parser.add_argument("--stories", type=pathlib.Path, help="TinyStories, as text")
    arguments = parser.parse_args()
    wiki = arguments.wiki.read_text() if arguments.wiki else ""
    stories = arguments.stories.read_text() if arguments.stories else ""
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for name, prompt, answer in texts(wiki, stories):
        (arguments.folder / f"{name}.prompt.txt").write_text(prompt)
        (arguments.folder / f"{name}.answer.txt").write_text(answer)
        print(name)


if __name__ == "__main__":
    main()
