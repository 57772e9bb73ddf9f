#!/usr/bin/env python3
"""Conversations with thoughts: a session's tokens are those of transformers' apply_chat_template.

Run by ctest with INKLING_BIN_DIR in the environment; skipped (77) where Python has no transformers or no torch. The
templates are those of tests/golden/chat_templates that do something with what a model thought, and the one that takes texts as
lists of parts; the tokenizer is made here.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

try:
    import tokenizers
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

BIN = pathlib.Path(os.environ["INKLING_BIN_DIR"])
TEMPLATES = pathlib.Path(__file__).resolve().parents[1] / "golden" / "chat_templates"
sys.path.insert(0, str(TEMPLATES))
try:
    from make_golden import MARKS, PARTS, TOKENS, thoughts
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)


def run(program, *arguments):
    result = subprocess.run([BIN / program, *map(str, arguments)], capture_output=True, text=True, timeout=100, check=False)
    if result.returncode != 0:
        raise AssertionError(f"{program}: {result.stderr}")
    return result.stdout


def tokenizer(name, marks):
    """A byte-level vocabulary with merges, the template's tokens and, as models have them, its marks as tokens that text shows."""
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    bos, eos = TOKENS.get(name, ("<s>", "</s>"))
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=600, show_progress=False,
                                             initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet())
    made.train_from_iterator([path.read_text() for path in sorted(TEMPLATES.glob("*.*"))], trainer)
    turns = re.findall(r"<[^\s<>']+>|\[gMASK\]", (TEMPLATES / f"{name}.jinja").read_text())
    special = [mark for mark in (bos, eos, *turns) if mark and mark not in marks]
    made.add_special_tokens([tokenizers.AddedToken(mark, special=True, normalized=False) for mark in dict.fromkeys(special)])
    made.add_tokens([tokenizers.AddedToken(mark, special=False, normalized=False) for mark in marks])
    fast = PreTrainedTokenizerFast(tokenizer_object=made, bos_token=bos, eos_token=eos)
    fast.chat_template = (TEMPLATES / f"{name}.jinja").read_text()
    return fast


class ChatOracleTest(unittest.TestCase):
    def checkpoint(self, folder, made):
        torch.manual_seed(1)
        config = LlamaConfig(vocab_size=len(made), hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=4,
                             max_position_embeddings=2048)
        LlamaForCausalLM(config).save_pretrained(folder)
        made.save_pretrained(folder)

    def compare(self, name, folder):
        marks = MARKS.get(name, ())
        made = tokenizer(name, marks)
        self.checkpoint(folder / "checkpoint", made)
        run("inkling-convert", folder / "checkpoint", folder / "model", "--quiet")
        answers = thoughts(*marks) if marks else []
        talks = [[["Hi there"]]] + [[["Hi there", first], ["How are you?", second], ["Why?\n\nSay more."]] for first in answers for second in answers]
        (folder / "talks.json").write_text(json.dumps(talks))
        found = run("chat_tokens", folder / "model", folder / "talks.json").splitlines()
        self.assertEqual(len(found), len(talks))
        for talk, ids in zip(talks, found):
            messages = []
            for turn in talk:
                for role, text in zip(("user", "assistant"), turn):
                    messages.append({"role": role, "content": [{"type": "text", "text": text}] if name in PARTS else text})
            text = made.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
            self.assertEqual(list(map(int, ids.split())), made(text, add_special_tokens=False)["input_ids"], f"{talk}: {text!r}")

    def test_every_template(self):
        for name in [*MARKS, *PARTS]:
            if "strftime_now" in (TEMPLATES / f"{name}.jinja").read_text():
                continue  # the date would be today's
            with self.subTest(template=name), tempfile.TemporaryDirectory(prefix="inkling-chat-") as temporary:
                self.compare(name, pathlib.Path(temporary))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
