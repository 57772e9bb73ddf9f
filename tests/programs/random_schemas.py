"""Random JSON Schemas of what Inkling enforces, with ends: a model that writes at random comes to one.

usage: random_schemas.py NUMBER [SEED]      writes one schema a line
"""

import json
import random
import sys

NAMES = ["a", "ab", "abc", "name", "id", "é", "x y", 'q"t', "b\\s", "count", "日本"]
VALUES = [1, 2.5, -7, "a", 'a"b', None, True, False, {"x": [1, 2]}, [], {}, "é\n", "日本", 1e3]
PATTERNS = ["^[a-z]{2,20}$", "^\\d{1,9}$", "^(ab|cd){1,9}x?$", "^\\w{1,8}@\\w{1,8}\\.com$", "^[^a]{3}$", "^.{0,20}$",
            "^[A-Z][a-z]+(?: [a-z]{1,9}){0,3}$", "^\\u00e9{1,3}|x$"]
FORMATS = ["date", "date-time", "time", "uuid", "email", "ipv4", "hostname"]
LOW, HIGH = [-1000, -12, -1, 0, 1, 7, 99, 100.5, 0.25, -0.75, 12.125], [101, 150, 1000, 12345, 1e3, 200.75]
DEEPEST = 3


class Schemas:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def may(self, chance):
        return self.random.random() < chance

    def schema(self, depth=0):
        kinds = [self.text, self.number, self.simple, self.values]
        if depth < DEEPEST:
            kinds += [self.object, self.object, self.array, self.any_of, self.one_of, self.all_of]
        made = self.random.choice(kinds)(depth)
        if self.may(0.2):
            made["description"] = "what it is"
        return made

    def text(self, _):
        kind = self.random.randrange(3)
        if kind == 0:
            return {"type": "string", "pattern": self.random.choice(PATTERNS)}
        if kind == 1:
            return {"type": "string", "format": self.random.choice(FORMATS)}
        least = self.random.randrange(6)
        return {"type": "string", "minLength": least, "maxLength": least + self.random.randrange(40)}

    def number(self, _):
        is_integer = self.may(0.75)  # of a small model, other numbers have no last digit
        schema = {"type": "integer" if is_integer else "number"}
        if is_integer or self.may(0.8):
            schema[self.random.choice(["minimum", "exclusiveMinimum"])] = self.random.choice(LOW)
        if is_integer or self.may(0.8):
            schema[self.random.choice(["maximum", "exclusiveMaximum"])] = self.random.choice(HIGH)
        return schema

    def simple(self, _):
        kind = self.random.randrange(3)
        if kind == 0:
            return {"type": self.random.choice(["boolean", "null"])}
        if kind == 1:
            return {"type": self.random.sample(["string", "integer", "null", "boolean"], 2), "maxLength": 12}
        return {"type": ["null", "array"], "items": {"type": "boolean"}, "maxItems": 4}

    def values(self, _):
        if self.may(0.3):
            return {"const": self.random.choice(VALUES)}
        return {"enum": self.random.sample(VALUES, 3)}

    def object(self, depth):
        names = self.random.sample(NAMES, self.random.randrange(5))
        schema = {"type": "object", "properties": {name: self.schema(depth + 1) for name in names},
                  "required": [name for name in names if self.may(0.6)]}
        kind = self.random.randrange(12)
        if kind == 0:
            schema["additionalProperties"] = self.text(depth)
        elif kind > 1:
            schema["additionalProperties"] = False
        if names and self.may(0.2):
            schema["minProperties"] = 1
        return schema

    def array(self, depth):
        least = self.random.randrange(3)
        schema = {"type": "array", "items": self.schema(depth + 1), "minItems": least,
                  "maxItems": least + self.random.randrange(5)}
        if self.may(0.3):
            schema["prefixItems"] = [self.schema(depth + 1) for _ in range(self.random.randrange(1, 4))]
        return schema

    def any_of(self, depth):
        return {"anyOf": [self.schema(depth + 1) for _ in range(self.random.randrange(1, 9))]}

    def one_of(self, depth):
        return {"oneOf": [{"type": "string", "maxLength": 4}, {"type": "integer", "minimum": 0, "maximum": 99},
                          {"type": "object", "properties": {"k": {"const": "a"}, "v": self.schema(depth + 1)},
                           "required": ["k", "v"], "additionalProperties": False},
                          {"type": "object", "properties": {"k": {"const": "b"}}, "required": ["k"],
                           "additionalProperties": False}]}

    def all_of(self, depth):
        if self.may(0.2):  # with any other properties
            return {"allOf": [{"type": "object", "properties": {"p": self.schema(depth + 1)}, "required": ["p"]},
                              {"properties": {"r": self.schema(depth + 1)}}]}
        return {"allOf": [{"type": ["integer", "string"], "minimum": 3, "maxLength": 9}, {"maximum": 5000}, {"minLength": 1}]}

    def document(self):
        schema = self.schema()
        if self.may(0.1):  # a list of them
            following = {"anyOf": [{"$ref": "#/$defs/n"}, {"type": "null"}]}
            node = {"type": "object", "properties": {"v": schema, "next": following}, "required": ["v", "next"],
                    "additionalProperties": False}
            schema = {"$defs": {"n": node}, "$ref": "#/$defs/n"}
        return schema


if __name__ == "__main__":
    schemas = Schemas(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    for _ in range(int(sys.argv[1])):
        print(json.dumps(schemas.document()))
