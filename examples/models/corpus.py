"""Turns stories and conversations into training rows of a fixed length, without end.

train.py reads rows from it. A row holds whole documents, each from <bos> to <eos>, packed so that
little is wasted; the mask keeps a document from seeing its neighbours, which is exactly what the
model meets at run time. Everything follows from one seed, and no document is ever repeated.
"""

import random

import torch

from chats import conversation
from stories import story

CONVERSATION_SHARE = 0.55  # Of the documents; conversations are shorter, so about 45% of tokens.
POOL_SIZE = 96  # Documents to choose from when filling a row; more packs tighter.


def conversation_text(turns):
    """Renders finished turns in the chat template (without <bos>)."""
    text = ""
    for index, turn in enumerate(turns):
        text += f"<start_of_turn>{'model' if index % 2 else 'user'}\n{turn}<end_of_turn>\n"
    return text


def document(rng):
    """Returns the text of one story or one conversation."""
    if rng.random() < CONVERSATION_SHARE:
        return conversation_text(conversation(rng))
    return story(rng).text


def tokenizer_texts(seed, count):
    """Texts for learning the vocabulary: turns come one by one, so no markers are in them."""
    rng = random.Random(seed)
    for _ in range(count):
        yield from conversation(rng) if rng.random() < CONVERSATION_SHARE else [story(rng).text]


class RowStream:
    "",
    "Endless rows of `length` tokens and, for each token, the number of its document (-1: "
    "padding).",
    ""

    def __init__(self, tokenizer, seed, length, make_document=document):
        self._tokenizer = tokenizer
        self._rng = random.Random(seed)
        self._length = length
        self._make_document = make_document
        self._pool = []

    def _encoded(self):
        while True:
            ids = self._tokenizer.EncodeAsIds(self._make_document(self._rng))
            ids = [self._tokenizer.bos_id()] + ids + [self._tokenizer.eos_id()]
            if len(ids) <= self._length:
                return ids

    def _row(self):
        row, documents = [], []
        while len(self._pool) < POOL_SIZE:
            self._pool.append(self._encoded())
        chosen = 0  # The oldest first, so that long documents don't pile up; then the best fit.
        while chosen is not None:
            ids = self._pool.pop(chosen)
            documents += [documents[-1] + 1 if documents else 0] * len(ids)
            row += ids
            room = self._length - len(row)
            fitting = [i for i, other in enumerate(self._pool) if len(other) <= room]
            chosen = max(fitting, key=lambda i: len(self._pool[i])) if fitting else None
        padding = self._length - len(row)
        pad = self._tokenizer.pad_id()
        return row + [pad] * padding, documents + [-1] * padding

    def batch(self, rows):
        """Returns ids, targets (-100 where there is nothing to predict) and the additive mask."""
        ids, documents = (torch.tensor(part) for part in zip(*(self._row() for _ in range(rows))))
        same = documents[:, :, None] == documents[:, None, :]
        causal = torch.ones(self._length, self._length, dtype=torch.bool).tril()
        mask = torch.zeros(same.shape).masked_fill(~(same & causal), float("-inf"))[:, None]
        targets = torch.full_like(ids, -100)
        follows = (documents[:, 1:] == documents[:, :-1]) & (documents[:, 1:] >= 0)
        targets[:, :-1] = torch.where(follows, ids[:, 1:], torch.tensor(-100))
        return ids, targets, mask
