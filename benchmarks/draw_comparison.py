#!/usr/bin/env python3
"""Draws what compare_llama_cpp.py measured: two bars for each pair, prompt and generation side by side, as SVG.

    draw_comparison.py samples.jsonl comparison.svg
"""

import html
import json
import statistics
import sys

ROW = 56
BAR = 18
LEFT = 190
PANEL = 330
GAP = 40
TOP = 74
COLORS = {"inkling": "#2f6f8f", "llama.cpp": "#b9b9b9"}


def read(path):
    """{test kind: [(pair, {program: median})]}, the last measurement of a pair and test counts."""
    found = {"prompt": {}, "generate": {}}
    with open(path, encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            kind = row["test"].split()[0]
            if kind in found and "depth" not in row["test"]:
                found[kind][row["pair"]] = {name: statistics.median(row[name]) for name in COLORS}
    return found


def text(x, y, content, size=12, anchor="start", weight="normal", fill="#333"):
    return (f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" fill="{fill}">'
            f"{html.escape(content)}</text>")


def panel(left, title, rows, pairs):
    parts = [text(left, TOP - 22, title, 13, weight="bold")]
    largest = max(value for values in rows.values() for value in values.values())
    for index, pair in enumerate(pairs):
        if pair not in rows:
            continue
        for bar, (name, value) in enumerate(rows[pair].items()):
            y = TOP + index * ROW + bar * (BAR + 2)
            width = round((PANEL - 90) * value / largest, 1)
            parts.append(f'<rect x="{left}" y="{y}" width="{width}" height="{BAR}" fill="{COLORS[name]}"/>')
            label = f"{value:.1f}" if value < 100 else f"{value:.0f}"
            if name == "inkling":
                label += f" ({value / rows[pair]['llama.cpp']:.2f}x)"
            parts.append(text(left + width + 6, y + 13, label))
    return parts


def draw(found):
    pairs = list(found["prompt"])
    height = TOP + len(pairs) * ROW + 10
    width = LEFT + 2 * PANEL + GAP
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
             f'viewBox="0 0 {width} {height}" font-family="sans-serif">',
             f'<rect width="{width}" height="{height}" fill="white"/>',
             text(16, 26, "Tokens per second on two cores: Inkling and llama.cpp", 16, weight="bold")]
    for index, (name, color) in enumerate(COLORS.items()):
        parts.append(f'<rect x="{width - 210 + index * 95}" y="14" width="14" height="14" fill="{color}"/>')
        parts.append(text(width - 190 + index * 95, 26, name))
    for index, pair in enumerate(pairs):
        ours, theirs = pair.split(" : ")
        parts.append(text(16, TOP + index * ROW + 13, ours, weight="bold"))
        parts.append(text(16, TOP + index * ROW + 33, theirs, fill="#777"))
    parts += panel(LEFT, "prompt of 512 tokens", found["prompt"], pairs)
    parts += panel(LEFT + PANEL + GAP, "generation", found["generate"], pairs)
    return "\n".join(parts + ["</svg>"]) + "\n"


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: draw_comparison.py samples.jsonl OUT.svg")
    found = read(sys.argv[1])
    if not found["prompt"] or not found["generate"]:
        sys.exit(f"draw_comparison.py: {sys.argv[1]}: expected a prompt and a generation test, found none of one kind")
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(draw(found))


if __name__ == "__main__":
    main()
