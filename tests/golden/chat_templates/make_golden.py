#!/usr/bin/env python3
"""Renders every *.jinja of this folder with Jinja2 as transformers does, and writes golden.json and golden_tools.json.

The templates are written for this test; each behaves as a family's published one does. Run it after a change
(needs Debian's python3-jinja2); the test only reads the results. An error of a template is a null. With --check it
writes nothing and compares its own rendering of tools with that of the transformers that is installed.
"""
import datetime
import json
import pathlib
import sys

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
    "qwen25": (None, "<|im_end|>"), "hermes": ("<|begin_of_text|>", "<|im_end|>"), "function_gemma": ("<bos>", "<eos>"),
    "empty_thought": (None, "<|im_end|>"), "parts_only": (None, "<end_of_utterance>"),
}
# The marks of templates that do something with what a model thought.
MARKS = {name: ("<think>", "</think>") for name in ("qwen3", "smollm3", "deepseek_r1", "qwq", "nemotron", "glm", "empty_thought")}
MARKS["channels"] = ("<|channel>thought", "<channel|>")
PARTS = ("parts_only",)  # texts come as lists of parts
OBJECTS = ("function_gemma",)  # results that are JSON objects are given as such
# Templates that write tools. smollm3 writes them as Python prints dictionaries, and no calls.
TOOLS = ("qwen25", "qwen3", "hermes", "llama31", "llama32", "mistral_v3", "function_gemma", "smollm3")


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
    made.filters["tojson"] = lambda value, **style: json.dumps(value, **{"ensure_ascii": False, **style})
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


def function(name, description, parameters):
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


WEATHER = function("get_weather", 'Tells the "weather".\nAnywhere: Z\u00fcrich \\ <b>', {"type": "object", "properties": {
    "city": {"type": "string", "description": "a \"city\", \u6771\u4eac"},
    "unit": {"type": "string", "description": "of degrees", "enum": ["celsius", "fahrenheit", "\u00b0R"]},
    "days": {"type": "integer", "description": "how many"}}, "required": ["city"]})
SEARCH = function("search_notes", "Searches notes.", {"type": "object", "properties": {
    "queries": {"type": "array", "description": "what to look for", "items": {"type": "string"}},
    "Filter": {"type": "object", "description": "which notes", "properties": {
        "since": {"type": "string", "description": "a day"}, "limit": {"type": "number", "description": "at most"}},
        "required": ["since"]},
    "sort": {"type": "array", "description": "by these", "items": {"type": "object", "properties": {
        "key": {"type": "string", "description": "of a note"}, "down": {"type": "boolean", "description": ""}},
        "required": ["key"]}}}, "required": ["queries", "Filter"]})
PING = function("ping", "", {"type": "object", "properties": {}})
ALL_TOOLS = [WEATHER, SEARCH, PING]  # golden_tools.json names them by their places


def call(name, number, **arguments):
    return {"id": f"callid00{number}", "type": "function", "function": {"name": name, "arguments": arguments}}


def result(made, text):
    return {"role": "tool", "content": text, "name": made["function"]["name"], "tool_call_id": made["id"]}


def tool_cases(marks):
    """Tools and messages, 20 of them and some with thoughts."""
    def user(text):
        return {"role": "user", "content": text}

    def model(text, *calls):
        return {"role": "assistant", "content": text, **({"tool_calls": list(calls)} if calls else {})}

    system = {"role": "system", "content": "Be brief, s\u2019il te pla\u00eet."}
    first = call("get_weather", 1, city="Z\u00fcrich", days=3)
    second = call("ping", 2)
    third = call("search_notes", 3, queries=["a \"b\"\n", "\u6771"], Filter={"since": "\u00e9 {x}", "limit": 2.5},
                 sort=[{"key": "k", "down": True}, {"key": ""}], none=None, zero=0, small=1e-07)
    ask, answer = user("How is it in Z\u00fcrich?"), result(first, '{"sky": "blue \\"ish\\"", "t": 21.5}')
    every = ALL_TOOLS
    cases = [
        ([], [ask]), ([WEATHER], [ask]), ([WEATHER, SEARCH], [ask]), (every, [ask]), ([WEATHER], [system, ask]),
        (every, [{"role": "system", "content": " \u00e9 x\n"}, user("  {{ a }} <|im_end|> [INST] \n")]),
        ([PING], [user("Hi"), model("Hello."), ask]), ([SEARCH], [system, user("Hi"), model("Hello."), ask]),
        ([WEATHER], [ask, model("", first), answer]), ([WEATHER], [system, ask, model("", first), answer]),
        ([WEATHER], [ask, model("I\u2019ll look. ", first), answer]),
        ([WEATHER, PING], [ask, model("", first, second), answer, result(second, "pong")]),
        (every, [ask, model("", first), answer, model("Blue."), user("Thanks.")]),
        (every, [system, ask, model("", first), answer, model("Blue."), user("And my notes?"), model("", third),
                 result(third, "[]")]),
        (every, [ask, model("", first), answer, model("", third), result(third, " \n none: \u2205\t ")]),
        ([PING], [user("Ping?"), model("", second), result(second, "")]),
        (every, [user("Notes."), model("", third), result(third, 'a "quoted"\n\\ text \u00e9 </tool_response>')]),
        ([WEATHER, PING], [ask, model("Both.", second, first), result(second, "pong"), answer, model("Fine. "),
                           user("Why?")]),
        ([], [system, ask, model("", first), answer]),
        ([WEATHER], [ask, model("", {**first, "id": "another-id"}), {**answer, "tool_call_id": "another-id"}])]
    for inner in ("\nHm.\nWell\u2026\n", "\n\n") if marks else ():
        thought = f"{marks[0]}{inner}{marks[1]}\n\n"
        rounds = [ask, model(thought, first), answer, model(thought + "More.", second), result(second, "pong")]
        cases += [([WEATHER, PING], rounds[:3]), ([WEATHER, PING], rounds),
                  ([WEATHER, PING], rounds + [model(thought + "Blue."), user("Why?")])]
    return cases


def given_messages(name, messages):
    """The messages as the template gets them: where it writes objects by their members, a result may be one."""
    def content(message):
        is_object = name in OBJECTS and message["role"] == "tool" and message["content"].startswith("{")
        return json.loads(message["content"]) if is_object else message["content"]
    return [{**message, "content": content(message)} for message in messages]


def write_tools(folder):
    lines = []
    for name in TOOLS:
        bos, eos = TOKENS.get(name, ("<s>", "</s>"))
        tokens = {key: text for key, text in (("bos_token", bos), ("eos_token", eos)) if text}
        template = environment().from_string((folder / f"{name}.jinja").read_text(encoding="utf-8"))
        cases = []
        for tools, messages in tool_cases(MARKS.get(name)):
            try:
                text = template.render(messages=given_messages(name, messages), add_generation_prompt=True,
                                       tools=tools or None, documents=None, **tokens)
            except jinja2.exceptions.TemplateError:
                text = None
            cases.append({"tools": [ALL_TOOLS.index(tool) for tool in tools], "messages": messages, "text": text})
        lines.append(f' "{name}": {json.dumps({"tokens": tokens, "cases": cases})}')
    head = f'{{"date": "{DATE.isoformat()}", "tools": {json.dumps(ALL_TOOLS)}, "templates": {{\n'
    text = head + ",\n".join(lines) + "\n}}\n"
    (folder / "golden_tools.json").write_text(text, encoding="utf-8")


def check_tools(folder):
    """Compares golden_tools.json with what apply_chat_template's renderer writes."""
    from transformers.utils import chat_template_utils  # only here: nothing else needs it
    golden = json.loads((folder / "golden_tools.json").read_text(encoding="utf-8"))["templates"]
    for name, entry in golden.items():
        source = (folder / f"{name}.jinja").read_text(encoding="utf-8")
        equal = 0
        for case in entry["cases"]:
            try:
                tools = [ALL_TOOLS[index] for index in case["tools"]]
                [text], _ = chat_template_utils.render_jinja_template(
                    [given_messages(name, case["messages"])], tools=tools or None, chat_template=source, add_generation_prompt=True,
                    strftime_now=DATE.strftime, **entry["tokens"])
            except jinja2.exceptions.TemplateError:
                text = None
            assert text == case["text"], (name, case["messages"], text, case["text"])
            equal += 1
        print(f"{name}: {equal} of {len(entry['cases'])} compared, all equal")


def main():
    folder = pathlib.Path(__file__).resolve().parent
    if "--check" in sys.argv:
        return check_tools(folder)
    write_tools(folder)
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
