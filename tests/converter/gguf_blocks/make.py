#!/usr/bin/env python3
"""Writes vectors.txt: blocks of every quantised type that the GGUF reader reads, and the floats that python3-gguf
(gguf.quants.dequantize) makes of them. Run where numpy and python3-gguf are: make.py > vectors.txt

A line is: type, the block's bytes in hex, its values in hex (float32, little-endian). Blocks are random bytes; their
scales are halves of every kind: normal, negative, subnormal, zero, the largest.
"""

import numpy
from gguf import GGMLQuantizationType, quants
from gguf.constants import GGML_QUANT_SIZES

SCALES = [0.0123, -0.25, 6e-8, 0.0, 65504.0]
# Where the halves of a block lie.
HALVES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}

random = numpy.random.default_rng(20240501)
for name, places in HALVES.items():
    type_ = GGMLQuantizationType[name]
    _, size = GGML_QUANT_SIZES[type_]
    for i, scale in enumerate(SCALES[:3 if size > 40 else 5]):
        block = random.integers(0, 256, size, dtype=numpy.uint8)
        for j, place in enumerate(places):
            half = numpy.float16(scale if j == 0 else SCALES[(i + 1) % 3])
            block[place:place + 2] = numpy.frombuffer(half.tobytes(), numpy.uint8)
        values = quants.dequantize(block.reshape(1, size), type_).astype("<f4")
        print(name, block.tobytes().hex(), values.tobytes().hex())
