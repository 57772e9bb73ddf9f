#!/usr/bin/env python3
"""The JSON-Schema-Test-Suite's cases of draft 2020-12, by the rule: what the suite calls invalid is never allowed, what it
calls valid is, or the schema is refused by name.

Run by ctest: schema_suite_test.py SCHEMA_CHECKER SUITE; skipped where the suite isn't there (tests/run.sh --jsonschema fetches
it, in the source package of Python's jsonschema). A valid value may be written in another order or as 1 instead of 1.0.
`format` is enforced here, which the suite leaves open: its optional cases stand for it, and of these valid ones may be left out.
"""

import collections
import itertools
import json
import pathlib
import subprocess
import sys

FORMATS = ["date-time", "date", "time", "uuid", "email", "ipv4", "hostname", "uri"]
MOST_ORDERS = 200


def one_of_each(lists):
    """Every way to take one entry of each list."""
    if not lists:
        yield []
        return
    for rest in one_of_each(lists[1:]):
        for first in lists[0]:
            yield [first] + rest


def written(value, spacing):
    """The texts of a value, in every order of its members as long as those are few."""
    comma, colon = ((",", ":"), (", ", ": "))[spacing]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, list):
        for items in one_of_each([list(written(item, spacing)) for item in value]):
            yield "[" + comma.join(items) + "]"
    elif isinstance(value, dict):
        for order in itertools.permutations(value):
            for items in one_of_each([list(written(value[name], spacing)) for name in order]):
                members = [json.dumps(name, ensure_ascii=False) + colon + item for name, item in zip(order, items)]
                yield "{" + comma.join(members) + "}"
    else:
        yield json.dumps(value, ensure_ascii=False)


class Checker:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")

    def schema(self, schema, spacing):
        return self.ask(f"schema {spacing} {json.dumps(schema)}")

    def allows(self, value, spacing):
        texts = itertools.islice(written(value, spacing), MOST_ORDERS)
        return any(self.ask("text " + text) == "allowed" for text in texts)


def check_file(checker, path, is_format, counts, wrong):
    for group in json.loads(path.read_text(encoding="utf-8")):
        for spacing in (0, 1):
            answer = checker.schema(group["schema"], spacing)
            if answer != "ok":
                is_named = answer.startswith("refused UNIMPLEMENTED") or "RESOURCE_EXHAUSTED" in answer or "no value" in answer
                # A schema that nothing fits says so; then no case may be valid.
                if not is_named or ("no value" in answer and any(case["valid"] for case in group["tests"])):
                    wrong.append(f"{path.name}: {group['description']}: {answer}")
                counts["schema refused by name"] += len(group["tests"])
                continue
            for case in group["tests"]:
                try:
                    allowed = checker.allows(case["data"], spacing)
                except UnicodeEncodeError:
                    counts["half characters, which no text has"] += 1
                    continue
                if allowed == case["valid"]:
                    counts["as the suite says"] += 1
                elif is_format and case["valid"]:
                    counts["valid for the format, left out"] += 1
                else:
                    wrong.append(f"{path.name}: {group['description']}: {case['description']}: "
                                 f"{'allowed' if allowed else 'refused'} {json.dumps(case['data'])}")


def main():
    program, suite = sys.argv[1], pathlib.Path(sys.argv[2])
    folder = suite / "tests" / "draft2020-12"
    if not folder.is_dir():
        print(f"skipped: no JSON-Schema-Test-Suite in {suite} (tests/run.sh --jsonschema)")
        return 77
    checker = Checker(program)
    counts, wrong = collections.Counter(), []
    for path in sorted(folder.glob("*.json")):
        if path.name != "format.json":
            check_file(checker, path, False, counts, wrong)
    for name in FORMATS:
        check_file(checker, folder / "optional" / "format" / f"{name}.json", True, counts, wrong)
    print(f"cases in two spacings: {dict(counts)}; wrong: {len(wrong)}")
    print("\n".join(wrong[:50]))
    if not wrong and counts["as the suite says"] < 500:
        print("expected at least 500 cases to be decided")
        return 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
