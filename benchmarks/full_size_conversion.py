#!/usr/bin/env python3
"""Fabricates Hugging Face checkpoints with the exact shapes of released models, random weights in BF16, and converts them.

    benchmarks/full_size_conversion.py [--write | --measure] BUILD_BIN FOLDER [MODEL ...] [-- flags of inkling-convert]

Prints, for each model: bytes of the checkpoint, seconds, MB/s, peak memory of inkling-convert, and the speed at which
the same disk reads the checkpoint and writes a file of the output's size, which is the bound that isn't ours. Needs
twice the checkpoint's size in FOLDER (gemma-2b: 5 GB), and removes what it wrote. --write only fabricates, --measure takes
what --write left, for a machine that is quiet for a short time only.
"""

import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import time

BLOCK = 16 << 20  # bytes of random weights, written again and again


def decoder_shapes(config, norms, biases=()):
    """Tensors that families with q, k, v, o and gate, up, down projections share, by their names without `model.`."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    head = config.get("head_dim", hidden // config["num_attention_heads"])
    query, key = config["num_attention_heads"] * head, config["num_key_value_heads"] * head
    shapes = {"model.embed_tokens.weight": [config["vocab_size"], hidden]}
    for layer in range(config["num_hidden_layers"]):
        for name, shape in {"self_attn.q_proj": [query, hidden], "self_attn.k_proj": [key, hidden],
                            "self_attn.v_proj": [key, hidden], "self_attn.o_proj": [hidden, query],
                            "mlp.gate_proj": [inner, hidden], "mlp.up_proj": [inner, hidden],
                            "mlp.down_proj": [hidden, inner]}.items():
            shapes[f"model.layers.{layer}.{name}.weight"] = shape
        for name in norms:
            shapes |= {f"model.layers.{layer}.{name}.{part}": [hidden] for part in ("weight", *biases)}
    shapes |= {f"model.norm.{part}": [hidden] for part in ("weight", *biases)}
    return shapes


def gemma_2b():
    config = {"architectures": ["GemmaForCausalLM"], "model_type": "gemma", "hidden_size": 2048, "intermediate_size": 16384,
              "num_hidden_layers": 18, "num_attention_heads": 8, "num_key_value_heads": 1, "head_dim": 256,
              "vocab_size": 256000, "hidden_act": "gelu_pytorch_tanh", "max_position_embeddings": 8192}
    return config, decoder_shapes(config, ("input_layernorm", "post_attention_layernorm"))


def stablelm_3b():
    config = {"architectures": ["StableLmForCausalLM"], "model_type": "stablelm", "hidden_size": 2560,
              "intermediate_size": 6912, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32,
              "vocab_size": 50304, "partial_rotary_factor": 0.25, "max_position_embeddings": 4096}
    shapes = decoder_shapes(config, ("input_layernorm", "post_attention_layernorm"), ("bias",))
    return config, shapes | {"lm_head.weight": [50304, 2560]}


def phi_2():
    config = {"architectures": ["PhiForCausalLM"], "model_type": "phi", "hidden_size": 2560, "intermediate_size": 10240,
              "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32, "vocab_size": 51200,
              "partial_rotary_factor": 0.4, "hidden_act": "gelu_new", "max_position_embeddings": 2048}
    shapes = {"model.embed_tokens.weight": [51200, 2560]}
    for layer in range(32):
        sizes = {f"self_attn.{name}": (2560, 2560) for name in ("q_proj", "k_proj", "v_proj", "dense")}
        sizes |= {"mlp.fc1": (10240, 2560), "mlp.fc2": (2560, 10240), "input_layernorm": (2560, None)}
        for name, (rows, columns) in sizes.items():
            shapes[f"model.layers.{layer}.{name}.weight"] = [rows, columns] if columns else [rows]
            shapes[f"model.layers.{layer}.{name}.bias"] = [rows]
    shapes |= {f"model.final_layernorm.{part}": [2560] for part in ("weight", "bias")}
    return config, shapes | {"lm_head.weight": [51200, 2560], "lm_head.bias": [51200]}


def falcon_rw_1b():
    config = {"architectures": ["FalconForCausalLM"], "model_type": "falcon", "hidden_size": 2048,
              "num_hidden_layers": 24, "num_attention_heads": 32, "vocab_size": 50304, "alibi": True, "bias": True,
              "multi_query": False, "parallel_attn": False, "new_decoder_architecture": False}
    shapes = {"transformer.word_embeddings.weight": [50304, 2048]}
    for layer in range(24):
        for name, shape in {"self_attention.query_key_value": [6144, 2048], "self_attention.dense": [2048, 2048],
                            "mlp.dense_h_to_4h": [8192, 2048], "mlp.dense_4h_to_h": [2048, 8192],
                            "input_layernorm": [2048], "post_attention_layernorm": [2048]}.items():
            shapes[f"transformer.h.{layer}.{name}.weight"] = shape
            shapes[f"transformer.h.{layer}.{name}.bias"] = shape[:1]
    return config, shapes | {f"transformer.ln_f.{part}": [2048] for part in ("weight", "bias")}


MODELS = {"gemma-2b": gemma_2b, "phi-2": phi_2, "stablelm-3b": stablelm_3b, "falcon-rw-1b": falcon_rw_1b}


def write_checkpoint(folder, config, shapes):
    """One safetensors file; weights of either sign between 2^-9 and 2^-5."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    pieces = [b"<unk>", b"\n<s>\n", b"\n</s>\n"] + [b"<0x00>"] * 256 + [b"a"]
    (folder / "tokenizer.bin").write_bytes(struct.pack("<i", 8) + b"".join(struct.pack("<fi", 0, len(p)) + p for p in pieces))
    header, end = {}, 0
    for name, shape in shapes.items():
        size = 2 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    block = bytearray(os.urandom(BLOCK))
    block[1::2] = block[1::2].translate(bytes((byte & 0x80) | (0x3B + (byte & 1)) for byte in range(256)))
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        left = end
        while left > 0:
            left -= file.write(block[:min(left, BLOCK)])
        file.flush()
        os.fsync(file.fileno())


def forget_pages(path):
    """Lets the next reader find the file on the disk instead of in memory."""
    with open(path, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def plain_copy_seconds(source, target, target_bytes):
    """Seconds to read `source` and to write and sync target_bytes, with nothing in between."""
    forget_pages(source)
    start = time.monotonic()
    written = 0
    with open(source, "rb", buffering=0) as reader, open(target, "wb", buffering=0) as writer:
        while block := reader.read(BLOCK):
            if written < target_bytes:
                written += writer.write(block[:target_bytes - written])
        os.fsync(writer.fileno())
    seconds = time.monotonic() - start
    os.remove(target)
    return seconds


def measure(program, folder, name, flags):
    checkpoint, output = folder / name, folder / f"{name}.tflite"
    try:
        size = (checkpoint / "model.safetensors").stat().st_size
        forget_pages(checkpoint / "model.safetensors")
        start = time.monotonic()
        process = subprocess.Popen([program, checkpoint, output, "--quiet", *flags])
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f"{name}: inkling-convert ended with {process.returncode}")
        output_bytes = output.stat().st_size
        output.unlink()
        plain = plain_copy_seconds(checkpoint / "model.safetensors", output, output_bytes)
        cpu = usage.ru_utime + usage.ru_stime
        print(f"{name}: {size / 1e9:.2f} GB -> {output_bytes / 1e9:.2f} GB in {seconds:.1f} s, {size / seconds / 1e6:.0f} MB/s; "
              f"CPU {cpu:.1f} s, {size / cpu / 1e6:.0f} MB per CPU second; peak {usage.ru_maxrss / 1024:.0f} MiB; "
              f"reading and writing alone {plain:.1f} s, {size / plain / 1e6:.0f} MB/s", flush=True)
    finally:
        shutil.rmtree(checkpoint, ignore_errors=True)
        output.unlink(missing_ok=True)


def main():
    arguments = sys.argv[1:]
    step = arguments.pop(0) if arguments and arguments[0] in ("--write", "--measure") else ""
    flags = arguments[arguments.index("--") + 1:] if "--" in arguments else []
    arguments = arguments[:arguments.index("--")] if "--" in arguments else arguments
    if len(arguments) < 2 or not set(arguments[2:]) <= set(MODELS):
        sys.exit(__doc__)
    for name in arguments[2:] or MODELS:
        folder = pathlib.Path(arguments[1])
        if step != "--measure":
            write_checkpoint(folder / name, *MODELS[name]())
        if step != "--write":
            measure(pathlib.Path(arguments[0]) / "inkling-convert", folder, name, flags)


if __name__ == "__main__":
    main()
