#!/usr/bin/python3
"""Runs a Gemma folder with torch: tells a story, answers a chat turn, or checks the arithmetic.

    sample.py FOLDER --prompt "Once upon a time"          continues a text
    sample.py FOLDER --chat "Tell me a story about a fox."   answers in the chat template
    sample.py FOLDER --greedy-ids                          24 greedy ids for a few prompts
    sample.py --check FOLDER                               compares with FOLDER/golden.json

It is the slow and obvious reference for the engine: every step recomputes the whole sequence.
"""

import argparse
import json
import sys
from pathlib import Path

import torch

from gemma_model import load_folder

TOLERANCE = 1e-3  # Correct float32 implementations differ by less than 1e-4; tanh/erf by 2e-3.
CONTEXT = 1024
STOP_PIECES = ("<eos>", "<end_of_turn>")
GREEDY_PROMPTS = ("Once upon a time", "One day, a little fox", "Tom and Mia went to the")


def chat_prompt(turns):
    """Renders alternating user/model texts, ready for the next model turn (without <bos>)."""
    text = ""
    for index, turn in enumerate(turns):
        role = "user" if index % 2 == 0 else "model"
        text += f"<start_of_turn>{role}\n{turn}<end_of_turn>\n"
    return text + "<start_of_turn>model\n"


@torch.no_grad()
def generate(model, ids, count, temperature=0.0, top_k=40, generator=None, stop_ids=()):
    """Extends ids by up to `count` tokens; temperature 0 is greedy. Returns only the new ids."""
    ids, new_ids = list(ids), []
    for _ in range(count):
        logits = model(torch.tensor([ids[-CONTEXT:]]))[0, -1]
        if temperature == 0.0:
            token = int(logits.argmax())
        else:
            values, indices = logits.topk(top_k)
            weights = (values / temperature).softmax(dim=-1)
            token = int(indices[torch.multinomial(weights, 1, generator=generator)])
        if token in stop_ids:
            break
        ids.append(token)
        new_ids.append(token)
    return new_ids


@torch.no_grad()
def greedy_steps(model, ids, count):
    """Greedy decoding with the margin by which each step was decided."""
    ids = list(ids)
    result = {"ids": [], "gap_top1_top2": [], "second_ids": [], "top1_logit": []}
    for _ in range(count):
        values, indices = model(torch.tensor([ids]))[0, -1].topk(2)
        ids.append(int(indices[0]))
        result["ids"].append(int(indices[0]))
        result["second_ids"].append(int(indices[1]))
        result["gap_top1_top2"].append(float(values[0] - values[1]))
        result["top1_logit"].append(float(values[0]))
    result["min_gap"] = min(result["gap_top1_top2"])
    return result


@torch.no_grad()
def check(folder):
    """Compares last logits and greedy ids with golden.json; returns True when all agree."""
    model = load_folder(folder)
    golden = json.loads((Path(folder) / "golden.json").read_text())
    agrees = True
    for prompt in golden["prompts"]:
        logits = model(torch.tensor([prompt["input_ids"]]))[0, -1]
        difference = float((logits - torch.tensor(prompt["last_logits"])).abs().max())
        steps = greedy_steps(model, prompt["input_ids"], len(prompt["greedy"]["ids"]))
        same = steps["ids"] == prompt["greedy"]["ids"]
        agrees = agrees and same and difference <= TOLERANCE
        print(
            f"{prompt['name']}: max |logit difference| {difference:.2e}, greedy ids equal: {same}"
        )
    return agrees


def open_tokenizer(folder):
    import sentencepiece

    tokenizer = sentencepiece.SentencePieceProcessor()
    tokenizer.Load(str(Path(folder) / "tokenizer.model"))
    return tokenizer


def run_prompt(args, model, tokenizer):
    text = args.prompt if args.chat is None else chat_prompt([args.chat])
    generator = torch.Generator().manual_seed(args.seed)
    stop_ids = [tokenizer.PieceToId(piece) for piece in STOP_PIECES]
    ids = [tokenizer.bos_id()] + tokenizer.EncodeAsIds(text)
    new_ids = generate(
        model, ids, args.max_new_tokens, args.temperature, args.top_k, generator, stop_ids
    )
    shown = args.prompt if args.chat is None else ""
    print(shown + tokenizer.DecodeIds(new_ids))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="Hugging Face folder of a Gemma 1 model")
    parser.add_argument("--prompt", default="Once upon a time", help="text to continue")
    parser.add_argument("--chat", help="a user turn; the answer is printed")
    parser.add_argument("--temperature", type=float, default=0.7, help="0 is greedy")
    parser.add_argument("--top-k", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--max-new-tokens", type=int, default=300)
    parser.add_argument("--greedy-ids", action="store_true", help="print 24 greedy ids per prompt")
    parser.add_argument("--check", action="store_true", help="compare with FOLDER/golden.json")
    args = parser.parse_args()
    if args.check:
        sys.exit(0 if check(args.folder) else 1)
    model, tokenizer = load_folder(args.folder), open_tokenizer(args.folder)
    if not args.greedy_ids:
        return run_prompt(args, model, tokenizer)
    for text in GREEDY_PROMPTS:
        ids = [tokenizer.bos_id()] + tokenizer.EncodeAsIds(text)
        steps = greedy_steps(model, ids, 24)
        print(json.dumps({"text": text, "input_ids": ids, "greedy": steps["ids"]}))
        print("   ", repr(tokenizer.DecodeIds(ids[1:] + steps["ids"])))


if __name__ == "__main__":
    main()
