#!/usr/bin/env python3
"""Writes a Hugging Face folder of a dense decoder as a GGUF file in F32, with python3-gguf's own names, for llama.cpp to read.

    gguf_from_hugging_face.py FOLDER OUT.gguf [PRE]     needs python3-gguf and python3-numpy, nothing of PyTorch

PRE is what tokenizer.ggml.pre shall be, for byte-level vocabularies. compare_quality.py runs it where llama.cpp's programs
are, and tests/converter/gguf_golden_test.py makes GGUF files of the golden checkpoints with it. What llama.cpp's converter
does to values is done here: pairs of rotating rows, Falcon's groups taken apart, norms of Gemma with their 1 added.
"""

import json
import math
import pathlib
import struct
import sys

import gguf
import numpy

ARCHITECTURES = {"llama": "LLAMA", "gemma": "GEMMA", "gemma2": "GEMMA2", "gemma3_text": "GEMMA3", "phi": "PHI2",
                 "phi3": "PHI3", "falcon": "FALCON", "stablelm": "STABLELM", "qwen2": "QWEN2", "qwen3": "QWEN3"}
CONTROL, USER_DEFINED, UNUSED = 3, 4, 5


def read_safetensors(path):
    """Yields (name, float32 array); F16 and BF16 are converted, which is exact."""
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


class Converter:
    def __init__(self, folder, path, pre="", vocabulary=None, **options):
        """`vocabulary`: the folder of the tokenizer, if it is another; `options`: GGUFWriter's, to split the file."""
        self.folder, self.pre, self.vocabulary = folder, pre, vocabulary or folder
        self.config = json.loads((folder / "config.json").read_text())
        self.type = self.config["model_type"]
        if self.type not in ARCHITECTURES or self.config.get("alibi"):
            raise ValueError(f"{folder}: GGUF has no architecture for this {self.type}")
        self.arch = gguf.MODEL_ARCH[ARCHITECTURES[self.type]]
        self.hidden, self.heads = self.config["hidden_size"], self.config["num_attention_heads"]
        self.kv_heads = self.config.get("num_kv_heads", 1) if self.type == "falcon" else self.config.get("num_key_value_heads", self.heads)
        self.head_dim = self.config.get("head_dim") or self.hidden // self.heads
        self.writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[self.arch], **options)

    def run(self):
        self.add_sizes()
        self.add_rotation()
        if (self.vocabulary / "tokenizer.model").exists():
            self.add_scored_vocabulary()
        else:
            self.add_byte_level_vocabulary()
        self.add_tensors()
        self.writer.write_header_to_file()
        self.writer.write_kv_data_to_file()
        self.writer.write_tensors_to_file()
        self.writer.close()

    def add_sizes(self):
        config, writer = self.config, self.writer
        writer.add_context_length(config.get("max_position_embeddings", 2048))
        writer.add_embedding_length(self.hidden)
        writer.add_block_count(config["num_hidden_layers"])
        writer.add_feed_forward_length(config.get("intermediate_size", 4 * self.hidden))
        writer.add_head_count(self.heads)
        writer.add_head_count_kv(self.kv_heads)
        if "head_dim" in config:
            writer.add_key_length(self.head_dim)
            writer.add_value_length(self.head_dim)
        if "rms_norm_eps" in config:
            writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
        else:
            writer.add_layer_norm_eps(config.get("layer_norm_eps", config.get("layer_norm_epsilon")))
        if self.type == "stablelm":
            writer.add_parallel_residual(config.get("use_parallel_residual", False))
        if self.type == "falcon":
            writer.add_tensor_data_layout("jploski")
        if self.type in ("gemma2", "gemma3_text", "phi3") and config.get("sliding_window"):
            writer.add_sliding_window(config["sliding_window"])
        if "sliding_window_pattern" in config:
            writer.add_uint32(f"{self.writer.arch}.attention.sliding_window_pattern", config["sliding_window_pattern"])
        if config.get("attn_logit_softcapping"):
            writer.add_attn_logit_softcapping(config["attn_logit_softcapping"])
        if config.get("final_logit_softcapping"):
            writer.add_final_logit_softcapping(config["final_logit_softcapping"])

    def add_rotation(self):
        config, writer = self.config, self.writer
        writer.add_rope_dimension_count(int(config.get("partial_rotary_factor", 1) * self.head_dim))
        writer.add_rope_freq_base(config.get("rope_theta", 10000.0))
        if "rope_local_base_freq" in config:
            writer.add_float32(f"{self.writer.arch}.rope.freq_base_swa", config["rope_local_base_freq"])
        scaling = config.get("rope_scaling") or {}
        kind = scaling.get("rope_type", scaling.get("type"))
        if kind == "linear":
            writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
            writer.add_rope_scaling_factor(scaling["factor"])
        elif kind == "llama3":
            writer.add_tensor("rope_freqs.weight", self.wavelength_divisors(scaling))
        elif kind is not None:
            raise ValueError(f"{self.folder}: rope_scaling {kind} is not written here")

    def wavelength_divisors(self, scaling):
        """What Llama 3.1 divides each frequency by."""
        wavelengths = 2 * math.pi * self.config["rope_theta"] ** (numpy.arange(0, self.head_dim, 2) / self.head_dim)
        original, factor = scaling["original_max_position_embeddings"], scaling["factor"]
        low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
        smooth = numpy.clip((original / wavelengths - low) / (high - low), 0, 1)
        return (1 / ((1 - smooth) / factor + smooth)).astype(numpy.float32)

    def add_scored_vocabulary(self):
        tokens, scores, types = map(list, zip(*pieces(self.vocabulary / "tokenizer.model")))
        self.pad(tokens, types)
        scores += [-10000.0] * (len(tokens) - len(scores))
        self.writer.add_tokenizer_model("llama")
        self.writer.add_tokenizer_pre("default")
        self.writer.add_token_list(tokens)
        self.writer.add_token_scores(scores)
        self.writer.add_token_types(types)
        self.writer.add_bos_token_id(self.config["bos_token_id"])
        self.writer.add_eos_token_id(self.end_id())
        self.writer.add_unk_token_id(types.index(2))
        self.writer.add_add_bos_token(True)
        if self.type.startswith("gemma"):
            self.writer.add_add_space_prefix(False)

    def add_byte_level_vocabulary(self):
        tokenizer = json.loads((self.vocabulary / "tokenizer.json").read_text())
        vocab = {token: (text.encode(), 1) for text, token in tokenizer["model"]["vocab"].items()}
        for token in tokenizer["added_tokens"]:
            vocab[token["id"]] = (token["content"].encode(), CONTROL if token["special"] else USER_DEFINED)
        size = max(vocab) + 1
        tokens, types = map(list, zip(*(vocab.get(i, (b"[PAD%d]" % i, UNUSED)) for i in range(size))))
        self.pad(tokens, types)
        self.writer.add_tokenizer_model("gpt2")
        self.writer.add_tokenizer_pre(self.pre)
        self.writer.add_token_list(tokens)
        self.writer.add_token_types(types)
        self.writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in tokenizer["model"]["merges"]])
        self.writer.add_eos_token_id(self.end_id())
        if self.pre == "llama-bpe":
            self.writer.add_bos_token_id(self.config["bos_token_id"])
            self.writer.add_add_bos_token(True)

    def end_id(self):
        end = self.config["eos_token_id"]
        return end[0] if isinstance(end, list) else end

    def pad(self, tokens, types):
        """The model may have rows for more tokens than the vocabulary has."""
        for i in range(len(tokens), self.config["vocab_size"]):
            tokens.append(b"[PAD%d]" % i)
            types.append(UNUSED)

    def add_tensors(self):
        names = gguf.get_tensor_name_map(self.arch, self.config["num_hidden_layers"])
        for file in sorted(self.folder.glob("*.safetensors")):
            for name, values in read_safetensors(file):
                stored = names.get_name(name, try_suffixes=(".weight", ".bias"))
                if stored is None:
                    raise ValueError(f"{self.folder}: python3-gguf has no name for {name}")
                self.writer.add_tensor(stored, numpy.ascontiguousarray(self.stored(name, values)))

    def stored(self, name, values):
        if self.type == "llama" and "q_proj" in name:
            return self.in_pairs(values, self.heads)
        if self.type == "llama" and "k_proj" in name:
            return self.in_pairs(values, self.kv_heads)
        if "query_key_value" in name:
            return self.ungrouped(values)
        if self.type.startswith("gemma") and name.endswith("norm.weight"):
            values = values + 1
        # llama.cpp scales scores by 1 / sqrt(head_dim); another scale goes into the queries.
        takes_scale = "q_proj" if self.type == "gemma2" else "q_norm"
        if takes_scale in name and "query_pre_attn_scalar" in self.config:
            values = values * numpy.float32(math.sqrt(self.head_dim / self.config["query_pre_attn_scalar"]))
        return values

    def in_pairs(self, values, heads):
        """Rows of a head in the pairs that rotate, not in halves."""
        halves = values.reshape(heads, 2, values.shape[0] // heads // 2, -1)
        return halves.swapaxes(1, 2).reshape(values.shape)

    def ungrouped(self, values):
        """All queries, all keys, all values, instead of a group for each kv head."""
        groups = values.reshape(self.kv_heads, self.heads // self.kv_heads + 2, self.head_dim, -1)
        parts = groups[:, :-2], groups[:, -2:-1], groups[:, -1:]
        return numpy.concatenate([part.reshape(-1, *values.shape[1:]) for part in parts])


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    try:
        Converter(pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3] if len(sys.argv) == 4 else "").run()
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
