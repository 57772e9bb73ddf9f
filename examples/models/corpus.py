"""Turns stories and conversations into training batches, without end.

train.py reads batches from it. A batch is whole documents, each from <bos> to <eos>; no document
sees its neighbours, which is exactly what the model meets at run time. Everything follows from one
seed, and the generator just runs on, so there are no epochs.
"""

import random

import torch

from chats import conversation
from stories import story

CONVERSATION_SHARE = 0.65  # Of the documents; half of them hold a story too.


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


class BatchStream:
    """Endless batches: documents of whole stories and conversations, one after another."""

    def __init__(self, tokenizer, seed, longest, make_document=document):
        self._tokenizer = tokenizer
        self._rng = random.Random(seed)
        self._longest = longest
        self._make_document = make_document

    def _encoded(self):
        while True:
            ids = self._tokenizer.EncodeAsIds(self._make_document(self._rng))
            ids = [self._tokenizer.bos_id()] + ids + [self._tokenizer.eos_id()]
            if len(ids) <= self._longest:
                return ids

    def batch(self, tokens):
        """Returns ids and targets [1, n] and the lengths of the documents; n is at least `tokens`.

        The model reads a document without its last token and predicts it without its first.
        """
        inputs, targets, lengths = [], [], []
        while len(inputs) < tokens:
            ids = self._encoded()
            inputs += ids[:-1]
            targets += ids[1:]
            lengths.append(len(ids) - 1)
        return torch.tensor([inputs]), torch.tensor([targets]), lengths
