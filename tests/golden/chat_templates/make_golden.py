#!/usr/bin/env python3
"""Renders every *.jinja of this folder with Jinja2 as transformers does, and writes golden.json.

The templates are written for this test; each behaves as a family's published one does. Run it after a change
(needs Debian's python3-jinja2); the test only reads the result. An error of a template is a null.
"""
import datetime
import json
import pathlib

import jinja2.ext
import jinja2.sandbox

DATE = datetime.date(2025, 3, 9)
TOKENS = {
    "gemma": ("<bos>", "<eos>"), "gemma3": ("<bos>", "<eos>"), "llama3": ("<|begin_of_text|>", "<|end_of_text|>"),
    "llama31": ("<|begin_of_text|>", "<|eot_id|>"), "llama32": ("<|begin_of_text|>", "<|eot_id|>"),
    "chatml": ("<|endoftext|>", "<|im_end|>"), "chatml_default": ("<|im_start|>", "<|im_end|>"),
    "qwen3": (None, "<|im_end|>"), "smollm3": (None, "<|im_end|>"), "phi3": ("<s>", "<|endoftext|>"),
    "phi3_first": ("<s>", "<|endoftext|>"), "phi4": ("<|endoftext|>", "<|endoftext|>"), "falcon": (None, "<|endoftext|>"),
}


class Generation(jinja2.ext.Extension):
    """transformers marks the words of the model with {% generation %}."""
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


def refuse(message):
    raise jinja2.exceptions.TemplateError(message)


def environment():
    made = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    made.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    made.globals["raise_exception"] = refuse
    made.globals["strftime_now"] = DATE.strftime
    return made


def conversations():
    def talk(*texts, system=None):
        roles = ("user", "assistant")
        turns = [{"role": roles[i % 2], "content": text} for i, text in enumerate(texts)]
        return ([{"role": "system", "content": system}] if system else []) + turns

    return [talk("Hi"), talk("Hi", "Yes", "Why?"), talk("a", "b", "c", "d", "e"), talk("Hi", system="Be brief."),
            talk("Hi", "Yes", "Why?", system="Be brief."), talk("  a \n", "x", "\tc"), talk(" \u3000a ", system=" x "),
            talk("{{ x }} <|user|> [INST] \u00e9")]


def main():
    folder = pathlib.Path(__file__).resolve().parent
    golden = {"date": DATE.isoformat(), "templates": {}}
    for path in sorted(folder.glob("*.jinja")):
        bos, eos = TOKENS.get(path.stem, ("<s>", "</s>"))
        tokens = {name: text for name, text in (("bos_token", bos), ("eos_token", eos)) if text}
        template = environment().from_string(path.read_text(encoding="utf-8"))
        cases = []
        for messages in conversations():
            try:
                text = template.render(messages=messages, add_generation_prompt=True, tools=None, documents=None, **tokens)
            except jinja2.exceptions.TemplateError:
                text = None
            cases.append({"messages": messages, "text": text})
        golden["templates"][path.stem] = {"tokens": tokens, "cases": cases}
    lines = [f' "{name}": {json.dumps(value)}' for name, value in golden["templates"].items()]
    text = f'{{"date": "{golden["date"]}", "templates": {{\n' + ",\n".join(lines) + "\n}}\n"
    (folder / "golden.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
