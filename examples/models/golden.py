#!/usr/bin/python3
"""Writes the reference vectors that tests compare the engine with: tests/golden/inkling_tiny.

    golden.py FOLDER OUTPUT_JSON

For each prompt: its ids, the float32 logits after it, the best token at every position and 24
greedy steps with the margin that decided each. Weights are the stored bfloat16 ones, converted; the
arithmetic is that of gemma_model.py, which `sample.py --check` proves against other references.
"""

import argparse
import hashlib
import json
from pathlib import Path

import torch

from gemma_model import load_folder
from sample import chat_prompt, greedy_steps, open_tokenizer

GREEDY_COUNT = 24
STORY = (
    "Once upon a time, there was a little fox named Ruby. She lived near a quiet lake. Her best "
    "friend was Pip the mouse. They did everything together.\nOne windy morning, Ruby could not "
    'find her red kite. "Oh no! Where is my kite?" she cried. First she looked under a bush. There '
    'was only an old shoe. Then Pip the mouse came by. "What is wrong?" asked Pip. Together they '
    'went to the meadow and looked behind a big rock. The kite was not there. "Look!" shouted Pip. '
    'The red kite was in a hollow log. Ruby hugged Pip. "Thank you for helping me," she said.'
)


def prompts(tokenizer):
    """Returns (name, text or None, ids): one token, short and long texts, chat turns."""
    bos = [tokenizer.bos_id()]
    chosen = [("len1", None, bos)]
    texts = {
        "text": "Once upon a time",
        "chat_story": chat_prompt(["Tell me a story about a fox."]),
        "chat_turns": chat_prompt(["Hello!", "Hello! How can I help you?", "What is 2 plus 3?"]),
        "long": STORY + "\n",
        "bytes": "Zürich  has 42 bridges \U0001f98a\n\n",
    }
    for name, text in texts.items():
        chosen.append((name, text, bos + tokenizer.EncodeAsIds(text)))
    return chosen


@torch.no_grad()
def vectors(model, tokenizer, name, text, ids):
    logits = model(torch.tensor([ids]))[0]
    entry = {
        "name": name,
        "input_ids": ids,
        "last_logits": [float(f"{value:.9g}") for value in logits[-1].tolist()],
        "argmax_all_positions": logits.argmax(dim=-1).tolist(),
        "greedy": greedy_steps(model, ids, GREEDY_COUNT),
    }
    if len(ids) > 1:
        chosen = logits[:-1].log_softmax(dim=-1).gather(1, torch.tensor(ids[1:])[:, None])
        entry["token_logprobs"] = [float(f"{value:.9g}") for value in chosen[:, 0].tolist()]
        entry["token_logprobs_note"] = "ln p(input_ids[i+1] | input_ids[..i]), i = 0..n-2"
    if text is not None:
        entry["text"] = text
        entry["text_greedy"] = tokenizer.DecodeIds(entry["greedy"]["ids"])
    return entry


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="Hugging Face folder of the model")
    parser.add_argument("output", help="golden.json to write")
    args = parser.parse_args()
    model, tokenizer = load_folder(args.folder), open_tokenizer(args.folder)
    weights = (Path(args.folder) / "model.safetensors").read_bytes()
    golden = {
        "model_type": "gemma",
        "weights_dtype": "bfloat16",
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "compute": "float32 (weights converted exactly from the stored dtype)",
        "tool": f"examples/models/golden.py, torch {torch.__version__}",
        "suggested_tolerance": {"abs": 1e-3},
        "eos_ignored": True,
        "prompts": [vectors(model, tokenizer, *prompt) for prompt in prompts(tokenizer)],
    }
    Path(args.output).parent.mkdir(parents=True, exist_ok=True)
    Path(args.output).write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    for prompt in golden["prompts"]:
        print(prompt["name"], len(prompt["input_ids"]), "min_gap", prompt["greedy"]["min_gap"])


if __name__ == "__main__":
    main()
