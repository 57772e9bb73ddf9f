#!/usr/bin/env python3
"""Writes a GGUF file with the shapes of a published model and random weights, for llama.cpp's speed only.

    fabricate_gguf.py SHAPE q4_0|q8_0 OUT.gguf     needs python3-gguf, python3-numpy; --help lists the shapes

compare_llama_cpp.py measures it beside `inkling-bench --shape` of the same name. Every matrix has the type that is
asked for, embedding and head too, as `inkling-bench --vocabulary` gives them. There is no tokenizer inside.
"""

import argparse
import dataclasses

import gguf
import numpy


@dataclasses.dataclass
class Shape:
    architecture: str
    layers: int
    hidden: int
    feed_forward: int
    heads: int
    kv_heads: int
    head_dim: int
    vocab: int
    context: int
    rotary_dim: int
    rope_base: float = 10000.0
    layer_norm: bool = False  # with biases; otherwise the root of the mean square
    tied_head: bool = False
    biases: bool = False  # of the matmuls; q, k and v are one matrix then, and the feed-forward has no gate
    post_norms: bool = False
    window: int = 0  # of every second layer
    attention_soft_cap: float = 0.0
    logit_soft_cap: float = 0.0


SHAPES = {
    "gemma-2b": Shape("gemma", 18, 2048, 16384, 8, 1, 256, 256000, 8192, 256, tied_head=True),
    "gemma2-2b": Shape("gemma2", 26, 2304, 9216, 8, 4, 256, 256000, 8192, 256, tied_head=True, post_norms=True,
                       window=4096, attention_soft_cap=50.0, logit_soft_cap=30.0),
    "phi-2": Shape("phi2", 32, 2560, 10240, 32, 32, 80, 51200, 2048, 32, layer_norm=True, biases=True),
    "stablelm-3b": Shape("stablelm", 32, 2560, 6912, 32, 32, 80, 50304, 4096, 20, layer_norm=True),
    "llama-3.2-1b": Shape("llama", 16, 2048, 8192, 32, 8, 64, 128256, 131072, 64, 500000.0, tied_head=True),
}


class Writer:
    """Adds tensors of random quantised values; one scale everywhere, because the time of a matmul doesn't depend on values."""

    def __init__(self, path, shape, kind):
        self.file = gguf.GGUFWriter(path, shape.architecture)
        self.random = numpy.random.default_rng(0)
        self.type = {"q4_0": gguf.GGMLQuantizationType.Q4_0, "q8_0": gguf.GGMLQuantizationType.Q8_0}[kind]
        self.block_bytes = {"q4_0": 18, "q8_0": 34}[kind]  # an f16 scale and 32 values

    def matrix(self, name, rows, columns):
        blocks = self.random.integers(0, 256, (rows, columns // 32, self.block_bytes), dtype=numpy.uint8)
        scale = numpy.float16(0.005 if self.block_bytes == 18 else 0.0003)
        blocks[:, :, :2] = numpy.frombuffer(scale.tobytes(), numpy.uint8)
        self.file.add_tensor(name + ".weight", blocks.reshape(rows, -1), raw_dtype=self.type)

    def vector(self, name, length, value):
        self.file.add_tensor(name, numpy.full(length, value, numpy.float32))

    def norm(self, name, shape):
        self.vector(name + ".weight", shape.hidden, 1.0)
        if shape.layer_norm:
            self.vector(name + ".bias", shape.hidden, 0.0)


def write_config(file, shape):
    file.add_block_count(shape.layers)
    file.add_context_length(shape.context)
    file.add_embedding_length(shape.hidden)
    file.add_feed_forward_length(shape.feed_forward)
    file.add_head_count(shape.heads)
    file.add_head_count_kv(shape.kv_heads)
    file.add_key_length(shape.head_dim)
    file.add_value_length(shape.head_dim)
    file.add_vocab_size(shape.vocab)
    file.add_rope_dimension_count(shape.rotary_dim)
    file.add_rope_freq_base(shape.rope_base)
    file.add_layer_norm_rms_eps(1e-6)
    file.add_layer_norm_eps(1e-5)
    file.add_tokenizer_model("no_vocab")
    if shape.window:
        file.add_sliding_window(shape.window)
        file.add_attn_logit_softcapping(shape.attention_soft_cap)
        file.add_final_logit_softcapping(shape.logit_soft_cap)
    if shape.architecture == "stablelm":
        file.add_parallel_residual(False)


def write_layer(writer, shape, prefix):
    attention = shape.heads * shape.head_dim
    cached = shape.kv_heads * shape.head_dim
    writer.norm(prefix + "attn_norm", shape)
    if shape.biases:
        writer.matrix(prefix + "attn_qkv", attention + 2 * cached, shape.hidden)
        writer.vector(prefix + "attn_qkv.bias", attention + 2 * cached, 0.0)
        writer.vector(prefix + "attn_output.bias", shape.hidden, 0.0)
        writer.vector(prefix + "ffn_up.bias", shape.feed_forward, 0.0)
        writer.vector(prefix + "ffn_down.bias", shape.hidden, 0.0)
    else:
        writer.matrix(prefix + "attn_q", attention, shape.hidden)
        writer.matrix(prefix + "attn_k", cached, shape.hidden)
        writer.matrix(prefix + "attn_v", cached, shape.hidden)
        writer.norm(prefix + "ffn_norm", shape)
        writer.matrix(prefix + "ffn_gate", shape.feed_forward, shape.hidden)
    if shape.post_norms:
        writer.norm(prefix + "post_attention_norm", shape)
        writer.norm(prefix + "post_ffw_norm", shape)
    writer.matrix(prefix + "attn_output", shape.hidden, attention)
    writer.matrix(prefix + "ffn_up", shape.feed_forward, shape.hidden)
    writer.matrix(prefix + "ffn_down", shape.hidden, shape.feed_forward)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("type", choices=["q4_0", "q8_0"])
    parser.add_argument("out")
    arguments = parser.parse_args()
    shape = SHAPES[arguments.shape]
    writer = Writer(arguments.out, shape, arguments.type)
    write_config(writer.file, shape)
    writer.matrix("token_embd", shape.vocab, shape.hidden)
    writer.norm("output_norm", shape)
    if not shape.tied_head:
        writer.matrix("output", shape.vocab, shape.hidden)
    if shape.biases:
        writer.vector("output.bias", shape.vocab, 0.0)
    for layer in range(shape.layers):
        write_layer(writer, shape, f"blk.{layer}.")
    writer.file.write_header_to_file()
    writer.file.write_kv_data_to_file()
    writer.file.write_tensors_to_file()
    writer.file.close()


if __name__ == "__main__":
    main()
