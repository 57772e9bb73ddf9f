#!/usr/bin/env python3
"""Random schemas and what inkling-tiny writes under them at temperature 1: every answer parses and validates.

Run by ctest: random_schema_test.py CLASS; skipped where the package jsonschema isn't installed (Debian's python3-jsonschema).
"""

import collections
import json
import os
import unittest

from programs import OWN_MODEL, converted, run_case, run_well
from random_schemas import Schemas

try:
    import jsonschema
except ImportError:
    jsonschema = None

SCHEMAS = int(os.environ.get("INKLING_RANDOM_SCHEMAS", "1000"))
ANSWERS = 3


@unittest.skipIf(jsonschema is None, "the package jsonschema isn't installed")
class RandomSchemaTest(unittest.TestCase):
    def test_answers_validate(self):
        generator = Schemas(1)
        schemas = [generator.document() for _ in range(SCHEMAS)]
        lines = [f"{seed * 100} {seed % 3} {ANSWERS} {json.dumps(schema)}" for seed, schema in enumerate(schemas)]
        output = iter(run_well("schema_answers", converted(OWN_MODEL), text="\n".join(lines)).stdout.split("\n"))
        counts = collections.Counter()
        for schema in schemas:
            for _ in range(ANSWERS):
                kind, text = next(output).split(" ", 1)
                counts[kind] += 1
                if kind != "refused":
                    tries, text = text.split(" ", 1)
                    counts["tries"] += int(tries)
                if kind == "refused":  # nothing fits it, by chance
                    self.assertRegex(text, "no value at all fits|no text at all fits", json.dumps(schema))
                    break
                if kind == "cut":
                    continue
                self.assertEqual(kind, "answer", f"{text} of {json.dumps(schema)}")
                validator = jsonschema.Draft202012Validator(
                    schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
                errors = [error.message for error in validator.iter_errors(json.loads(text))]
                self.assertEqual(errors, [], f"{text} of {json.dumps(schema)}")
        print(f"{SCHEMAS} schemas, {dict(counts)}")
        self.assertLessEqual(counts["cut"], SCHEMAS * ANSWERS // 10)
        self.assertLessEqual(counts["refused"], SCHEMAS // 20)


if __name__ == "__main__":
    run_case("__main__")
