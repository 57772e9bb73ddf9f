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
    "deepseek_r1": ("<\uff5cbegin\u2581of\u2581sentence\uff5c>", "<\uff5cend\u2581of\u2581sentence\uff5c>"), "qwq": (None, "<|im_end|>"),
    "nemotron": ("<|begin_of_text|>", "<|eot_id|>"), "glm": (None, "<|endoftext|>"), "channels": ("<bos>", "<eos>"),
    "empty_thought": (None, "<|im_end|>"), "parts_only": (None, "<end_of_utterance>"),
}
# The marks of templates that do something with what a model thought.
MARKS = {name: ("<think>", "</think>") for name in ("qwen3", "smollm3", "deepseek_r1", "qwq", "nemotron", "glm", "empty_thought")}
MARKS["channels"] = ("<|channel>thought", "<channel|>")
PARTS = ("parts_only",)  # texts come as lists of parts


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


def thoughts(begin, end):
    """Answers as a model gives them: with a thought, with an empty one, without, and one that ran out of tokens."""
    whole = f"{begin}\nHm, a greeting.\n{end}\n\nHello!"
    empty = f"{begin}\n\n{end}\n\nFine. "
    opened = f"the rest of a thought\n{end}\n\n Yes,\nof course.\n"
    return [whole, empty, opened, "No thought.", f"{begin}\nSo many words"]


def conversations(marks):
    answers = thoughts(*marks) if marks else []

    def talk(*texts, system=None):
        roles = ("user", "assistant")
        turns = [{"role": roles[i % 2], "content": text} for i, text in enumerate(texts)]
        return ([{"role": "system", "content": system}] if system else []) + turns

    return [talk("Hi"), talk("Hi", "Yes", "Why?"), talk("a", "b", "c", "d", "e"), talk("Hi", system="Be brief."),
            talk("Hi", "Yes", "Why?", system="Be brief."), talk("  a \n", "x", "\tc"), talk(" \u3000a ", system=" x "),
            talk("{{ x }} <|user|> [INST] \u00e9")] + [
                talk("Hi", one, "How are you?", other, "Why?") for one in answers for other in answers]


def main():
    folder = pathlib.Path(__file__).resolve().parent
    golden = {"date": DATE.isoformat(), "templates": {}}
    for path in sorted(folder.glob("*.jinja")):
        bos, eos = TOKENS.get(path.stem, ("<s>", "</s>"))
        tokens = {name: text for name, text in (("bos_token", bos), ("eos_token", eos)) if text}
        template = environment().from_string(path.read_text(encoding="utf-8"))
        cases = []
        for messages in conversations(MARKS.get(path.stem)):
            given = messages
            if path.stem in PARTS:
                given = [{**message, "content": [{"type": "text", "text": message["content"]}]} for message in messages]
            try:
                text = template.render(messages=given, add_generation_prompt=True, tools=None, documents=None, **tokens)
            except jinja2.exceptions.TemplateError:
                text = None
            cases.append({"messages": messages, "text": text})
        golden["templates"][path.stem] = {"tokens": tokens, "cases": cases}
    lines = [f' "{name}": {json.dumps(value)}' for name, value in golden["templates"].items()]
    text = f'{{"date": "{golden["date"]}", "templates": {{\n' + ",\n".join(lines) + "\n}}\n"
    (folder / "golden.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
