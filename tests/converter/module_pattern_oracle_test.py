#!/usr/bin/env python3
"""Keys of rank_pattern, made at random, match the names that Python's re matches, which is what PEFT uses.

The grammar of the keys has what PEFT's documents and published adapters use: literal names, classes, groups, choices,
repetitions and anchors, and the braces and brackets that are no syntax.
"""

import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import unittest
import warnings

BIN = pathlib.Path(os.environ["INKLING_BIN_DIR"])
NAMES = ["q_proj", "model.q_proj", "model.layers.0.self_attn.q_proj", "model.layers.11.self_attn.k_proj",
         "model.layers.1.mlp.up_proj", "layers.1", "a", "ab", "aab", "abab", "b.a", "a.b.a", "q{", "a{2}", "]", "^", "-", ""]
NUM_KEYS = 3000


class KeyMaker:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def atom(self, depth):
        pick = self.random.randrange(16)
        if pick < 5:
            return self.random.choice(["a", "b", "q", "_", "1", "0", "q_proj", "self_attn", "layers", "model"])
        if pick < 7:
            return self.random.choice([".", r"\.", r"\d", r"\w", r"\D", r"\W", r"\s", r"\S", r"\x61", r"\-", r"\{", r"\]"])
        if pick < 9:
            return self.random.choice(["[ab]", "[^.]", "[a-z_]", r"[\d.]", "[]a]", "[^]a]", "[a-]", r"[\]b]", "[{}]", "[.^$]"])
        if pick == 9:
            return self.random.choice(["{", "}", "]", "{}", "{a", "{,a}", "{1,x}", "-"])
        if depth > 0:
            return self.random.choice(["(", "(?:", "(?P<name%d>" % self.random.randrange(10**9)]) + self.choice(depth - 1) + ")"
        return "."

    def repeated(self, depth):
        quantifier = self.random.choice([""] * 8 + ["*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{,2}", "{1,}", "{0,3}?", "{,}"])
        return self.atom(depth) + quantifier

    def choice(self, depth):
        return "|".join("".join(self.repeated(depth) for _ in range(self.random.randrange(4)))
                        for _ in range(self.random.choice([1, 1, 1, 2, 3])))

    def key(self):
        parts = []
        for alternative in self.choice(2).split("|") if self.random.randrange(2) else [self.choice(2)]:
            if self.random.randrange(5) == 0:
                alternative = self.random.choice(["^", r"\A"]) + alternative
            if self.random.randrange(5) == 0:
                alternative += self.random.choice(["$", r"\Z"])
            parts.append(alternative)
        return "|".join(parts)


class TookTooLong(Exception):
    pass


def give_up(*_):
    raise TookTooLong


def python_says(key):
    """Which names match; None if Python refuses the key. Raises where it tries ways for too long."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pattern = re.compile(rf"(.*\.)?({key})$")
    except re.error:
        return None
    signal.setitimer(signal.ITIMER_REAL, 0.03)
    try:
        return [pattern.match(name) is not None for name in NAMES]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


class ModulePatternOracleTest(unittest.TestCase):
    def test_random_keys_match_what_python_matches(self):
        maker = KeyMaker(16)
        keys = [maker.key() for _ in range(NUM_KEYS)]
        lines = "".join(json.dumps([key, *NAMES]) + "\n" for key in keys)
        run = subprocess.run([BIN / "module_pattern_matches"], input=lines, capture_output=True, text=True, check=True, timeout=300)
        answers = [json.loads(line) for line in run.stdout.splitlines()]
        self.assertEqual(len(answers), NUM_KEYS)
        compared = matched = slow = 0
        signal.signal(signal.SIGALRM, give_up)
        refused = []
        for key, answer in zip(keys, answers):
            try:
                expected = python_says(key)
            except TookTooLong:
                slow += 1
                continue
            if expected is None:
                self.assertIsInstance(answer, str, key)  # neither reads it
            elif isinstance(answer, str):
                refused.append((key, answer))
            else:
                compared += 1
                matched += sum(expected)
                self.assertEqual(answer, expected, key)
        for key, answer in refused:  # only what is documented as refused
            self.assertRegex(answer, "anchor that isn't|quantifier behind a quantifier|steps to compile", key)
        self.assertGreater(compared, NUM_KEYS // 2)
        self.assertGreater(matched, NUM_KEYS)
        print(f"{compared} keys compared, {matched} names matched, {len(refused)} refused, {slow} too slow for Python")


if __name__ == "__main__":
    sys.exit(unittest.main())
