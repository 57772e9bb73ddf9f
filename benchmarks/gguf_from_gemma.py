#!/usr/bin/env python3
"""Writes a Gemma 1 checkpoint (a Hugging Face folder with tokenizer.model) as a GGUF file in F32, for llama.cpp to read.

    gguf_from_gemma.py FOLDER OUT.gguf        needs python3-gguf and python3-numpy, nothing of PyTorch

compare_quality.py runs it where llama.cpp's programs are. Tensors get llama.cpp's names; norms the 1 that its
Gemma graph expects to be added already.
"""

import json
import pathlib
import struct
import sys

import gguf
import numpy

NAMES = {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q",
         "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
         "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}


def read_safetensors(path):
    """Yields (name, float32 array); F32, F16 and BF16 are widened, which is exact."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    for name, entry in json.loads(data[8:8 + length]).items():
        if name == "__metadata__":
            continue
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        if entry["dtype"] == "BF16":
            values = (numpy.frombuffer(data[begin:end], "<u2").astype(numpy.uint32) << 16).view(numpy.float32)
        else:
            values = numpy.frombuffer(data[begin:end], {"F32": "<f4", "F16": "<f2"}[entry["dtype"]]).astype(numpy.float32)
        yield name, values.reshape(entry["shape"])


def gguf_name(name):
    if name == "model.embed_tokens.weight":
        return "token_embd.weight"
    if name == "model.norm.weight":
        return "output_norm.weight"
    layer, part = name.removeprefix("model.layers.").removesuffix(".weight").split(".", 1)
    return f"blk.{layer}.{NAMES[part]}.weight"


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 0x80:
            return value, at


def protobuf_fields(data):
    """Yields (field number, value): whole numbers, or the bytes of anything longer."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        else:
            size, at = (8, at) if key & 7 == 1 else (4, at) if key & 7 == 5 else varint(data, at)
            value, at = data[at:at + size], at + size
        yield key >> 3, value


def pieces(path):
    """(bytes, score, type) of every piece of a SentencePiece model."""
    for number, piece in protobuf_fields(path.read_bytes()):
        if number == 1:
            fields = dict(protobuf_fields(piece))
            yield fields[1], struct.unpack("<f", fields.get(2, bytes(4)))[0], fields.get(3, 1)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    config = json.loads((folder / "config.json").read_text())
    if config["model_type"] != "gemma":
        sys.exit(f"{folder}: expected model_type gemma, found {config['model_type']}")
    writer = gguf.GGUFWriter(sys.argv[2], "gemma")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    tokens, scores, types = zip(*pieces(folder / "tokenizer.model"))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(types)
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_unk_token_id(types.index(2))
    writer.add_add_space_prefix(False)
    for name, values in read_safetensors(folder / "model.safetensors"):
        writer.add_tensor(gguf_name(name), values + 1 if "norm" in name else values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
