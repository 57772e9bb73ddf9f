#!/usr/bin/env python3
"""Writes a one-layer Llama model of ordinary width as GGUF in F32, with the outliers that trained models are known for.

    fabricate_outliers.py TOKENIZER.gguf OUT.gguf        needs python3-gguf and python3-numpy

Random weights round more easily than trained ones, so sizes alone would measure nothing. What is copied from trained
models: a few hidden columns of all tokens are 20 to 60 times as large as the others, and norms weaken them only partly
(LLM.int8(), Dettmers 2022); weights have heavy tails and rows of different sizes; gate times up has heavy
tails, and some of its columns are far larger than others. The text to measure on may be any: compare_quality.py reads
both sides' predictions, whose divergence is what the layer's output error does. Vocabulary and tokenizer are those of
TOKENIZER.gguf.
"""

import sys

import gguf
import numpy

HIDDEN, INNER, HEADS, KV_HEADS, HEAD = 2048, 5632, 32, 8, 64
OUTLIER_COLUMNS = 6  # of HIDDEN
LARGE_INNER = 12  # of INNER
LOGIT_DEVIATION = 1.5  # predictions are neither certain nor even

rng = numpy.random.default_rng(1)


def matrix(rows, columns, gain=1.0):
    """Student's t with 5 degrees of freedom; rows differ in size; outputs of unit inputs have deviation `gain`."""
    values = rng.standard_t(5, (rows, columns)) * numpy.sqrt(3 / 5)
    return values * rng.lognormal(0, 0.3, (rows, 1)) * gain / numpy.sqrt(columns)


def norm(outliers, weakened):
    weight = rng.lognormal(0, 0.25, HIDDEN)
    weight[outliers] *= weakened
    return weight


def copy_tokenizer(reader, writer):
    """All fields whose names begin with tokenizer."""
    for name, field in reader.fields.items():
        if name.startswith("tokenizer."):
            item = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(name, field.contents(), field.types[0], sub_type=item)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    reader = gguf.GGUFReader(sys.argv[1])
    vocabulary = len(reader.fields["tokenizer.ggml.tokens"].data)
    writer = gguf.GGUFWriter(sys.argv[2], "llama")
    writer.add_context_length(2048)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(1)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_dimension_count(HEAD)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(vocabulary)
    copy_tokenizer(reader, writer)

    outliers = rng.choice(HIDDEN, OUTLIER_COLUMNS, replace=False)
    embedding = rng.standard_normal((vocabulary, HIDDEN))
    sizes = rng.uniform(20, 60, OUTLIER_COLUMNS) * rng.choice([-1, 1], OUTLIER_COLUMNS)
    embedding[:, outliers] = sizes * rng.lognormal(0, 0.2, (vocabulary, OUTLIER_COLUMNS))
    # The deviation of a column that isn't an outlier once a norm has divided by the root mean square.
    ordinary = 1 / numpy.sqrt(1 + (sizes ** 2).sum() / HIDDEN)
    large = rng.choice(INNER, LARGE_INNER, replace=False)
    up = matrix(INNER, HIDDEN, 1 / ordinary)
    up[large] *= 6
    tensors = {
        "token_embd": embedding,
        "blk.0.attn_norm": norm(outliers, 0.3),
        "blk.0.attn_q": matrix(HEADS * HEAD, HIDDEN, 1.2 / ordinary),
        "blk.0.attn_k": matrix(KV_HEADS * HEAD, HIDDEN, 1.2 / ordinary),
        "blk.0.attn_v": matrix(KV_HEADS * HEAD, HIDDEN, 1 / ordinary),
        "blk.0.attn_output": matrix(HIDDEN, HEADS * HEAD, 4),
        "blk.0.ffn_norm": norm(outliers, 0.3),
        "blk.0.ffn_gate": matrix(INNER, HIDDEN, 1.5 / ordinary),
        "blk.0.ffn_up": up,
        "blk.0.ffn_down": matrix(HIDDEN, INNER, 2),
        "output_norm": norm(outliers, 0.05),
        "output": matrix(vocabulary, HIDDEN, LOGIT_DEVIATION),
    }
    for name, values in tensors.items():
        writer.add_tensor(f"{name}.weight", values.astype(numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
