#!/usr/bin/python3
"""Counts what the model card claims: loss, names and pronouns kept in stories, sums that are right.

    evaluate.py FOLDER [--stories N]

All text is from seeds that training never uses. A place counts where a story says a name (or a
pronoun) that it has said before; it is right where that is the model's first choice.
"""

import argparse
import random

import torch

import story_words as words
from gemma_model import load_folder
from sample import chat_prompt, generate, open_tokenizer
from stories import story
from train import held_out_losses

SEED = 20_261_125
LONGEST = 512  # tokens, as in training
HELD_OUT_BATCHES = 20  # of 2048 tokens
NAMES = words.BOY_NAMES + words.GIRL_NAMES + words.ANIMAL_BOY_NAMES + words.ANIMAL_GIRL_NAMES
PRONOUNS = [form for word in ("he", "she", "him", "her", "his") for form in (word, word.title())]
LARGEST_SUMMAND = 5  # the sums of training go no further


def single_pieces(tokenizer, listed):
    """The ids of the words that are one piece."""
    encoded = [tokenizer.EncodeAsIds(" " + word) for word in listed]
    return {ids[0] for ids in encoded if len(ids) == 1}


@torch.no_grad()
def repeated_right(model, tokenizer, pieces, count):
    """Returns (right, places) over `count` stories."""
    rng, right, places = random.Random(SEED), 0, 0
    for _ in range(count):
        ids = [tokenizer.bos_id()] + tokenizer.EncodeAsIds(story(rng).text)[: LONGEST - 1]
        chosen = model(torch.tensor([ids]))[0].argmax(dim=-1).tolist()
        said = set()
        for position in range(1, len(ids)):
            token = ids[position]
            if token in said:
                places += 1
                right += chosen[position - 1] == token
            if token in pieces:
                said.add(token)
    return right, places


def sums_right(model, tokenizer):
    """Returns (right, asked) over all sums "a plus b" that training draws from."""
    stop_ids = [tokenizer.PieceToId(piece) for piece in ("<eos>", "<end_of_turn>")]
    right, asked = 0, 0
    for first in range(1, LARGEST_SUMMAND + 1):
        for second in range(1, LARGEST_SUMMAND + 1):
            prompt = chat_prompt([f"What is {first} plus {second}?"])
            ids = [tokenizer.bos_id()] + tokenizer.EncodeAsIds(prompt)
            answer = tokenizer.DecodeIds(generate(model, ids, 20, stop_ids=stop_ids))
            asked += 1
            right += f"is {first + second}." in answer
    return right, asked


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="Hugging Face folder of the model")
    parser.add_argument("--stories", type=int, default=200, help="how many; default 200")
    args = parser.parse_args()
    model, tokenizer = load_folder(args.folder), open_tokenizer(args.folder)
    losses = held_out_losses(model, tokenizer, SEED, LONGEST, HELD_OUT_BATCHES)
    for name, loss in losses.items():
        print(f"{name}: loss {loss:.3f}, perplexity {torch.tensor(loss).exp():.3f}")
    for name, listed in (("names", NAMES), ("pronouns", PRONOUNS)):
        pieces = single_pieces(tokenizer, listed)
        right, places = repeated_right(model, tokenizer, pieces, args.stories)
        print(f"{name} said again: {right} of {places} right ({100 * right / places:.1f}%)")
    print("sums: {} of {} right".format(*sums_right(model, tokenizer)))


if __name__ == "__main__":
    main()
