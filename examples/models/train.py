#!/usr/bin/python3
"""Trains the model of this repository and writes it as a Hugging Face folder.

    train.py --minutes 60 --output inkling-tiny     for a time: the schedule follows the clock
    train.py --steps 3000 --output inkling-tiny     for a number of steps: reproducible
    train.py --smoke                                 one minute, proves that all of it runs

Needs Debian's python3-torch and python3-sentencepiece (and libopenblas0-pthread, without which
matmuls are 25 times slower). The text comes from stories.py and chats.py, the order and the
initial weights from --seed; so the same --steps on the same machine gives the same weights.
"""

import argparse
import json
import math
import random
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional as F

import tokenizer_training
from corpus import BatchStream, conversation_text, tokenizer_texts
from chats import conversation
from gemma_model import Gemma, GemmaConfig, load_folder
from safetensors_file import round_to_bf16, write_bf16
from sample import CONTEXT, chat_prompt, generate
from stories import story

CONFIG = GemmaConfig(
    vocab_size=tokenizer_training.VOCAB_SIZE,
    hidden_size=256,
    intermediate_size=768,
    num_hidden_layers=4,
    num_attention_heads=2,
    num_key_value_heads=1,
    head_dim=256,
    rms_norm_eps=1e-6,
    rope_theta=10000.0,
)
WARM_UP = 0.02  # Share of the run.
DRILLS_END = 0.7  # Share of the run after which there are no drills left.
HELD_OUT_SEED = 1_000_003  # Added to --seed.
TOKENIZER_DOCUMENTS = 12000
SAMPLE_TURNS = ("Tell me a story about a fox.", "Who are you?", "What is 2 plus 3?")


@dataclass
class Budget:
    """How much of the run is over, by the clock or by steps."""

    minutes: float
    steps: int
    started: float

    def fraction(self, step):
        if self.steps:
            return step / self.steps
        return (time.time() - self.started) / (60 * self.minutes)


def learning_rate(peak, fraction):
    """Linear warm-up, then linear to zero, so that the run ends annealed."""
    if fraction < WARM_UP:
        return peak * max(fraction, 0.001) / WARM_UP
    return peak * max(0.0, 1 - fraction) / (1 - WARM_UP)


def initialise(model, seed):
    """Normal weights; what writes to the residual stream starts smaller, by depth."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if parameter.dim() < 2:
            continue
        deviation = 0.02 if name.startswith("embed") else 0.04
        if name.endswith(("o_proj.weight", "down_proj.weight")):
            deviation /= math.sqrt(2 * model.config.num_hidden_layers)
        with torch.no_grad():
            parameter.normal_(0.0, deviation, generator=generator)


def make_optimizer(model, peak):
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    vectors = [p for p in model.parameters() if p.dim() < 2]
    groups = [
        {"params": matrices, "weight_decay": 0.1},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=peak, betas=(0.9, 0.99), eps=1e-8)


def losses_of(model, batch):
    """Returns the loss that is trained on, weighted, and the plain one that is reported."""
    ids, targets, lengths, weights = batch
    logits = model(ids, lengths)[0]
    losses = F.cross_entropy(logits, targets[0], reduction="none")
    return (losses * weights).sum() / weights.sum(), losses.detach().mean()


@torch.no_grad()
def held_out_losses(model, tokenizer, seed, longest, batches):
    """Mean loss per token on stories and on conversations that training never sees."""
    makers = {
        "stories": lambda rng: story(rng).text,
        "conversations": lambda rng: conversation_text(conversation(rng)),
    }
    losses = {}
    for name, maker in makers.items():
        documents = BatchStream(tokenizer, seed + HELD_OUT_SEED, longest, maker)
        values = [float(losses_of(model, documents.batch(2048))[1]) for _ in range(batches)]
        losses[name] = sum(values) / len(values)
    return losses


def config_json():
    """config.json as public checkpoints of the family write it."""
    return {
        "architectures": ["GemmaForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": 2,
        "eos_token_id": 1,
        "head_dim": CONFIG.head_dim,
        "hidden_act": "gelu_pytorch_tanh",
        "hidden_activation": "gelu_pytorch_tanh",
        "hidden_size": CONFIG.hidden_size,
        "initializer_range": 0.02,
        "intermediate_size": CONFIG.intermediate_size,
        "max_position_embeddings": CONTEXT,
        "model_type": "gemma",
        "num_attention_heads": CONFIG.num_attention_heads,
        "num_hidden_layers": CONFIG.num_hidden_layers,
        "num_key_value_heads": CONFIG.num_key_value_heads,
        "pad_token_id": 0,
        "rms_norm_eps": CONFIG.rms_norm_eps,
        "rope_scaling": None,
        "rope_theta": CONFIG.rope_theta,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.38.0",
        "use_cache": True,
        "vocab_size": CONFIG.vocab_size,
    }


def write_folder(folder, model, tokenizer_bytes):
    """Writes everything but the model card; the weights are replaced in one rename."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config_json(), indent=2) + "\n")
    tokenizer_training.write_tokenizer(folder, tokenizer_bytes)
    end_of_turn = tokenizer_training.open_tokenizer(tokenizer_bytes).PieceToId("<end_of_turn>")
    generation = {
        "_from_model_config": True,
        "bos_token_id": 2,
        "eos_token_id": [1, end_of_turn],
        "pad_token_id": 0,
        "transformers_version": "4.38.0",
    }
    (folder / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")
    partial = folder / "model.safetensors.partial"
    write_bf16(partial, model.checkpoint_tensors())
    partial.rename(folder / "model.safetensors")


def rounded_copy(model):
    """The model as it ships: every weight rounded to bfloat16."""
    copy = Gemma(model.config)
    copy.load_state_dict({k: round_to_bf16(v) for k, v in model.state_dict().items()})
    return copy.eval()


def show_samples(model, tokenizer, turns):
    stop_ids = [tokenizer.PieceToId(piece) for piece in ("<eos>", "<end_of_turn>")]
    for text in ["Once upon a time"] + [chat_prompt([turn]) for turn in turns]:
        ids = [tokenizer.bos_id()] + tokenizer.EncodeAsIds(text)
        generator = torch.Generator().manual_seed(1)
        new_ids = generate(model, ids, 220, 0.6, 40, generator, stop_ids)
        print("  >", repr(tokenizer.DecodeIds(ids[1:] + new_ids)), flush=True)


def report(args, model, tokenizer, step, batches, turns=("What is 2 plus 3?",)):
    """Prints what the shipped weights do; small while training runs, larger at its end."""
    rounded = rounded_copy(model)
    losses = held_out_losses(rounded, tokenizer, args.seed, args.longest, batches)
    shown = ", ".join(f"{k} loss {v:.4f} ppl {math.exp(v):.3f}" for k, v in losses.items())
    print(f"step {step}: held out, bf16 weights: {shown}", flush=True)
    show_samples(rounded, tokenizer, turns)
    return losses


def start(args):
    """Returns tokenizer and model: new ones, or those of --start-from (a fresh optimizer then)."""
    if args.start_from:
        tokenizer_bytes = (Path(args.start_from) / "tokenizer.model").read_bytes()
        return tokenizer_bytes, load_folder(args.start_from).train()
    texts = tokenizer_texts(args.seed, TOKENIZER_DOCUMENTS)
    model = Gemma(CONFIG)
    initialise(model, args.seed)
    return tokenizer_training.train_tokenizer(texts), model


def take_step(model, optimizer, batch):
    """One update; returns the plain loss per token."""
    loss, plain = losses_of(model, batch)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return float(plain)


def write_record(args, step, tokens, seconds, losses):
    """Leaves training_run.json beside the weights: what to pass to get the same run again."""
    run = {
        "seed": args.seed,
        "steps": step,
        "tokens": tokens,
        "batch_tokens": args.batch,
        "longest_document": args.longest,
        "learning_rate": args.learning_rate,
        "drills": args.drills,
        "minutes": seconds / 60,
        "held_out_loss": losses,
    }
    (Path(args.output) / "training_run.json").write_text(json.dumps(run, indent=2) + "\n")
    print(json.dumps(run), flush=True)


def train(args):
    torch.set_num_threads(args.threads)
    tokenizer_bytes, model = start(args)
    tokenizer = tokenizer_training.open_tokenizer(tokenizer_bytes)
    print(f"{sum(p.numel() for p in model.parameters())} parameters", flush=True)
    optimizer = make_optimizer(model, args.learning_rate)
    documents = BatchStream(tokenizer, args.seed + 1, args.longest)
    budget = Budget(args.minutes, args.steps, time.time())
    step, tokens, mean, saved = 0, 0, None, time.time()
    while (fraction := budget.fraction(step)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(args.learning_rate, fraction)
        documents.drill_share = args.drills * max(0.0, 1 - fraction / DRILLS_END)
        batch = documents.batch(args.batch)
        loss = take_step(model, optimizer, batch)
        step += 1
        tokens += batch[0].numel()
        mean = loss if mean is None else 0.95 * mean + 0.05 * loss
        if step % 20 == 0:
            speed = tokens / (time.time() - budget.started)
            shown = f"step {step} loss {mean:.4f} {fraction:.1%} {tokens} tokens {speed:.0f}/s"
            print(shown, flush=True)
        if time.time() - saved > 60 * args.save_minutes:
            write_folder(args.output, model, tokenizer_bytes)
            report(args, model, tokenizer, step, 2)
            saved = time.time()
    write_folder(args.output, model, tokenizer_bytes)
    losses = report(args, model, tokenizer, step, 6, SAMPLE_TURNS)
    write_record(args, step, tokens, time.time() - budget.started, losses)


def main():
    random.seed(0)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", help="folder to write")
    parser.add_argument("--minutes", type=float, default=60.0, help="wall-clock length of the run")
    parser.add_argument(
        "--steps", type=int, default=0, help="number of steps, instead of --minutes"
    )
    parser.add_argument("--start-from", help="folder to continue instead of starting anew")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=448, help="tokens in a step, at least")
    parser.add_argument("--longest", type=int, default=512, help="tokens in a document")
    parser.add_argument("--learning-rate", type=float, default=2e-3, help="the peak")
    parser.add_argument("--drills", type=float, default=0.6, help="share of drills at the start")
    parser.add_argument("--save-minutes", type=float, default=5.0)
    parser.add_argument("--smoke", action="store_true", help="20 steps into a temporary folder")
    args = parser.parse_args()
    if args.smoke:
        with tempfile.TemporaryDirectory() as folder:
            args.output, args.steps = folder, 20
            train(args)
        return
    if not args.output:
        parser.error("--output is needed")
    train(args)


if __name__ == "__main__":
    main()
