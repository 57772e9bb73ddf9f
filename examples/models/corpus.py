"""Turns stories and conversations into training batches, without end.

train.py reads batches from it. A batch is whole documents, each from <bos> to <eos>; no document
sees its neighbours, which is exactly what the model meets at run time. Everything follows from one
seed, and the generator just runs on, so there are no epochs.
"""

import random

import torch

from chats import conversation
from drills import drill, entity_ids
from stories import story

REPEAT_WEIGHT = 3.0  # Of a name or thing that is said again; everything else weighs 1.
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
        self._entities = entity_ids(tokenizer)
        self.drill_share = 0.0  # Of the documents.

    def _encoded(self):
        while True:
            make = drill if self._rng.random() < self.drill_share else self._make_document
            ids = self._tokenizer.EncodeAsIds(make(self._rng))
            ids = [self._tokenizer.bos_id()] + ids + [self._tokenizer.eos_id()]
            if len(ids) <= self._longest:
                return ids

    def batch(self, tokens):
        """Returns ids and targets [1, n], the lengths of the documents, and weights [n].

        n is at least `tokens`. Names, pronouns and the like weigh more once their document has said
        them. The model reads a document without its last token and predicts it without its first.
        """
        inputs, targets, lengths, weights = [], [], [], []
        while len(inputs) < tokens:
            ids = self._encoded()
            inputs += ids[:-1]
            targets += ids[1:]
            lengths.append(len(ids) - 1)
            said = set()
            for token in ids[1:]:
                weights.append(REPEAT_WEIGHT if token in said else 1.0)
                if token in self._entities:
                    said.add(token)
        return torch.tensor([inputs]), torch.tensor([targets]), lengths, torch.tensor(weights)
