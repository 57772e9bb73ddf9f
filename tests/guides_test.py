#!/usr/bin/env python3
"""The guides show what is there: their code is a part of the programs beside them, and those programs run.

usage: guides_test.py pages ROOT [--write]                    every snippet and link; --write copies the snippets into the pages
       guides_test.py programs ROOT BIN_DIR                   every program, on a conversion of inkling-tiny
A block of code in examples/guides/*.md begins with "// FILE: NAME"; behind that it equals what lies in FILE between
"// [snippet NAME]" and "// [/snippet]", without its indentation. A finding is one line.
"""

import json
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import textwrap

BLOCK = re.compile(r"^```(c\+\+|c)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NAME = re.compile(r"// (\S+): (\S+)\n")
SNIPPET = re.compile(r"^ *// \[snippet (\S+)\]\n(.*?)^ *// \[/snippet\]\n", re.DOTALL | re.MULTILINE)

# What each program prints in any case, and its arguments besides the model's file.
PROGRAMS = {
    "chat": (["model: ", " tokens reused, "], []),
    "stream_into_a_ui": (["."], []),
    "cancel": (["cancelled; the text so far stays in the session", "time is up"], []),
    "lora": (["with the adapter:", "without:"], ["adapter.tflite"]),
    "save_and_restore": (["other:", "restored ", " dropped on the way"], ["session.bin"]),
    "memory_pressure": (["weights ", "after trimming: "], ["."]),
    "scores_and_embeddings": (["likeliest: dog", "cosine with "], []),
    "sampling": (["the same text again", ", likeliest:"], []),
    "open_from_anywhere": (["100 %", "path: ", "descriptor: ", "reader: ", "memory: "], []),
    "structured_output": (['json: {"animal": "', "regex: ", "grammar:\n- ", "refused: JSON Schema at "], []),
    "tools": (['call: get_temperature {"city": "', "answer: "], []),
    "c_api": ([" tokens, ", "answer: "], []),
}


def snippets_of(folder):
    """{(file, name): text} of all programs."""
    found = {}
    for program in sorted([*folder.glob("*.cc"), *folder.glob("*.c")]):
        for name, text in SNIPPET.findall(program.read_text(encoding="utf-8")):
            found[program.name, name] = textwrap.dedent(text)
    return found


def page_findings(root, write):
    folder = root / "examples" / "guides"
    snippets = snippets_of(folder)
    shown = set()
    for page in sorted(folder.glob("*.md")):
        text = page.read_text(encoding="utf-8")

        def current(block):
            named = NAME.match(block.group(2))
            key = named.groups() if named else None
            shown.add(key)
            return f"```{block.group(1)}\n// {key[0]}: {key[1]}\n{snippets[key]}```" if key in snippets else None

        for block in BLOCK.finditer(text):
            if current(block) is None:
                yield f"{page.name}: a block of code begins with '{block.group(2).splitlines()[0]}', which names no snippet"
            elif current(block) != block.group(0) and not write:
                yield f"{page.name}: '{block.group(2).splitlines()[0]}' isn't what the program has (guides_test.py pages ROOT --write)"
        if write:
            page.write_text(BLOCK.sub(lambda block: current(block) or block.group(0), text), encoding="utf-8")
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
            if "://" not in target and not (page.parent / target).exists():
                yield f"{page.name}: links to {target}, which doesn't exist"
    for file, name in snippets.keys() - shown:
        yield f"{file}: no page shows the snippet {name}"
    listed = (folder / "README.md").read_text(encoding="utf-8")
    for page in folder.glob("*.md"):
        if page.name != "README.md" and f"({page.name})" not in listed:
            yield f"README.md of the guides doesn't list {page.name}"


def write_adapter(folder, checkpoint):
    """A PEFT adapter of rank 2 for a checkpoint's query matrices, with values that change what the model says."""
    config = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    hidden, heads = config["hidden_size"], config["num_attention_heads"] * config["head_dim"]
    header, body = {}, b""
    for layer in range(config["num_hidden_layers"]):
        for part, shape in (("A", [2, hidden]), ("B", [heads, 2])):
            values = [((i * 37 + layer) % 11 - 5) / 10 for i in range(shape[0] * shape[1])]
            data = struct.pack(f"<{len(values)}f", *values)
            header[f"base_model.model.model.layers.{layer}.self_attn.q_proj.lora_{part}.weight"] = {
                "dtype": "F32", "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
            body += data
    text = json.dumps(header).encode()
    folder.mkdir()
    (folder / "adapter_model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + body)
    (folder / "adapter_config.json").write_text(json.dumps({
        "peft_type": "LORA", "r": 2, "lora_alpha": 4, "bias": "none", "target_modules": ["q_proj"], "task_type": "CAUSAL_LM"}))


def program_findings(root, bin_dir):
    checkpoint = root / "examples" / "models" / "inkling-tiny"
    with tempfile.TemporaryDirectory(prefix="inkling-guides-") as name:
        work = pathlib.Path(name)

        def run(program, *arguments):
            return subprocess.run([bin_dir / program, *arguments], cwd=work, capture_output=True, text=True, timeout=120, check=False)

        write_adapter(work / "adapter", checkpoint)
        # The same model, with a template that knows tools.
        shutil.copytree(checkpoint, work / "with_tools")
        shutil.copy(root / "tests" / "golden" / "chat_templates" / "qwen3.jinja", work / "with_tools" / "chat_template.jinja")
        for arguments in ([checkpoint, "model.tflite"], ["with_tools", "tools.tflite"],
                          ["--lora", "adapter", "adapter.tflite", "--base=model.tflite"]):
            result = run("inkling-convert", *arguments)
            if result.returncode != 0:
                yield f"inkling-convert ended with {result.returncode}: {result.stderr}"
                return
        for guide, (expected, arguments) in PROGRAMS.items():
            result = run(f"guide_{guide}", "tools.tflite" if guide == "tools" else "model.tflite", *arguments)
            if result.returncode != 0:
                yield f"guide_{guide} ended with {result.returncode}: {result.stderr}"
            for text in expected:
                if text not in result.stdout:
                    yield f"guide_{guide}: expected '{text}' in its output, found: {result.stdout}"
            if guide == "lora":
                told = [line.partition(":")[2] for line in result.stdout.splitlines() if line.startswith("with")]
                if len(set(told)) != 2:
                    yield f"guide_lora: the adapter changes nothing: {result.stdout}"
            missing = run(f"guide_{guide}", "nothing.tflite", *arguments)
            if missing.returncode != 1 or "nothing.tflite" not in missing.stderr:
                yield f"guide_{guide} without a model: exit {missing.returncode}, said: {missing.stderr}"


def main():
    root = pathlib.Path(sys.argv[2]).resolve()
    if sys.argv[1] == "pages":
        found = list(page_findings(root, "--write" in sys.argv))
    else:
        programs = {path.stem for pattern in ("*.cc", "*.c") for path in (root / "examples" / "guides").glob(pattern)}
        found = [f"{name}: no expectations in guides_test.py" for name in sorted(programs ^ PROGRAMS.keys())]
        found += program_findings(root, pathlib.Path(sys.argv[3]).resolve())
    print("\n".join(found) if found else "the guides are right")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
