#!/usr/bin/env python3
"""Tiny checkpoints in the forms of published ones, whose logits and greedy ids Hugging Face's transformers computes here.

The configs below have the keys that the published config.json files have, nulls and unused ones included; each is read as
it stands here and as transformers writes it. This covers the forms that tests/golden has no folder for. Run by ctest with
INKLING_BIN_DIR in the environment; needs transformers and PyTorch, and is skipped (77) where Python has none. Arguments:
names of forms, instead of all.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

try:
    import torch
    from safetensors.torch import load_file, save_file
    from transformers import AutoConfig, AutoModelForCausalLM
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

from convert_program_test import tokenizer_file

BIN = pathlib.Path(os.environ["INKLING_BIN_DIR"])
VOCABULARY = 512
TOLERANCE = 1e-3
GREEDY = 12
SHORT = [1.0, 1.0, 1.01, 1.02, 1.05, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2.0, 2.1]
LONG = [1.0, 1.1, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 9.0, 10.0, 12.0, 14.0, 15.0, 16.0, 17.0, 18.0]


def sizes(model_type, class_name, **fields):
    """A config.json of little layers; `fields` replace and add."""
    return {"architectures": [class_name], "model_type": model_type, "vocab_size": VOCABULARY, "bos_token_id": 1,
            "eos_token_id": 2, "torch_dtype": "float32", "use_cache": True, "hidden_size": 64, "intermediate_size": 96,
            "num_hidden_layers": 3, "num_attention_heads": 4, **fields}


def llama(**fields):
    return sizes("llama", "LlamaForCausalLM", hidden_act="silu", rms_norm_eps=1e-5, **{"max_position_embeddings": 2048, **fields})


def falcon(**fields):
    config = sizes("falcon", "FalconForCausalLM", layer_norm_epsilon=1e-5, hidden_dropout=0.0, attention_dropout=0.0,
                   apply_residual_connection_post_layernorm=False, **{"alibi": False, "bias": False, "num_attention_heads": 8, **fields})
    del config["intermediate_size"]
    return config


def stablelm(**fields):
    return sizes("stablelm", "StableLmForCausalLM", hidden_act="silu", layer_norm_eps=1e-5, max_position_embeddings=4096,
                 partial_rotary_factor=0.25, rope_scaling=None, rope_theta=10000, tie_word_embeddings=False, **fields)


def phi3(**fields):
    return sizes("phi3", "Phi3ForCausalLM", attention_bias=False, embd_pdrop=0.0, resid_pdrop=0.0, hidden_act="silu",
                 pad_token_id=2, rms_norm_eps=1e-5, **{"rope_theta": 10000.0, "tie_word_embeddings": False, "num_attention_heads": 2,
                                                       "num_key_value_heads": 2, "max_position_embeddings": 2048, **fields})


def longrope(pairs, original):
    return {"original_max_position_embeddings": original, "sliding_window": 262144,
            "rope_scaling": {"long_factor": LONG[:pairs], "short_factor": SHORT[:pairs], "type": "longrope"}}


def qwen(model_type, class_name, **fields):
    return sizes(model_type, class_name, hidden_act="silu", num_hidden_layers=4, num_key_value_heads=2, rms_norm_eps=1e-6,
                 rope_theta=1000000.0, tie_word_embeddings=False, **fields)


def gemma(model_type, class_name, **fields):
    return sizes(model_type, class_name, attention_bias=False, attention_dropout=0.0, pad_token_id=0, rms_norm_eps=1e-6,
                 hidden_activation="gelu_pytorch_tanh", num_key_value_heads=1, **fields)


def gemma3(**fields):
    return gemma("gemma3_text", "Gemma3ForCausalLM", attn_logit_softcapping=None, cache_implementation="hybrid",
                 final_logit_softcapping=None, head_dim=32, max_position_embeddings=32768, num_hidden_layers=7,
                 query_pre_attn_scalar=256, rope_local_base_freq=10000, rope_scaling=None, rope_theta=1000000, sliding_window=8,
                 **fields)


FORMS = {
    "falcon-7b": falcon(multi_query=True, new_decoder_architecture=False, num_kv_heads=71, parallel_attn=True),
    "falcon-40b": falcon(multi_query=True, new_decoder_architecture=True, num_kv_heads=2, parallel_attn=True),
    "falcon-11b": falcon(activation="gelu", ff_factor=4, ffn_hidden_size=160, multi_query=True, new_decoder_architecture=True,
                         max_position_embeddings=8192, num_kv_heads=2, num_ln_in_parallel_attn=1, parallel_attn=True,
                         rope_theta=5000042.0, tie_word_embeddings=False),
    "falcon-rw, 6 heads": falcon(alibi=True, bias=True, hidden_size=96, multi_query=False, new_decoder_architecture=False,
                                 num_attention_heads=6, parallel_attn=False),
    "falcon with alibi and one kv head": falcon(alibi=True, bias=True, multi_query=True, new_decoder_architecture=False,
                                                parallel_attn=True),
    "stablelm-2-1.6b": stablelm(num_key_value_heads=4, qk_layernorm=False, use_parallel_residual=False, use_qkv_bias=True),
    "stablelm-2-12b": stablelm(num_key_value_heads=2, qk_layernorm=True, use_parallel_residual=True, use_qkv_bias=False),
    "llama-1": llama(max_sequence_length=2048, pad_token_id=0),
    "llama-3.2": llama(attention_bias=False, head_dim=16, num_key_value_heads=2, mlp_bias=False, pretraining_tp=1,
                       max_position_embeddings=131072, rope_theta=500000.0, tie_word_embeddings=True,
                       rope_scaling={"factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
                                     "original_max_position_embeddings": 64, "rope_type": "llama3"}),
    "llama with biases": llama(attention_bias=True, mlp_bias=True, head_dim=24, num_key_value_heads=2),
    "llama, linear": llama(rope_scaling={"type": "linear", "factor": 8.0}),
    "llama, yarn": llama(max_position_embeddings=128, rope_theta=500.0,
                         rope_scaling={"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32,
                                       "beta_fast": 16, "beta_slow": 2, "attention_factor": 1.3}),
    "llama, yarn with mscale": llama(max_position_embeddings=128,
                                     rope_scaling={"rope_type": "yarn", "factor": 4.0, "mscale": 1.0, "mscale_all_dim": 0.8,
                                                   "original_max_position_embeddings": 32}),
    "mistral-7b-v0.1": sizes("mistral", "MistralForCausalLM", hidden_act="silu", max_position_embeddings=32768, num_key_value_heads=2,
                             rms_norm_eps=1e-5, rope_theta=10000.0, sliding_window=8, tie_word_embeddings=False),
    "mistral-nemo": sizes("mistral", "MistralForCausalLM", head_dim=24, hidden_act="silu", max_position_embeddings=131072,
                          num_key_value_heads=2, rms_norm_eps=1e-5, rope_theta=1000000.0, sliding_window=None, tie_word_embeddings=False),
    "phi-1": sizes("phi", "PhiForCausalLM", embd_pdrop=0.0, hidden_act="gelu_new", layer_norm_eps=1e-5, max_position_embeddings=2048,
                   num_key_value_heads=None, partial_rotary_factor=0.5, qk_layernorm=False, resid_pdrop=0.0, rope_scaling=None,
                   rope_theta=10000.0, tie_word_embeddings=False),
    "phi-3, short text": phi3(**longrope(16, 64)),
    "phi-3, long text": phi3(**longrope(16, 16)),
    "phi-4": phi3(num_attention_heads=4, num_key_value_heads=1, rope_theta=250000, original_max_position_embeddings=2048,
                  sliding_window=None, rope_scaling=None),
    "phi-4-mini": phi3(num_attention_heads=4, head_dim=16, tie_word_embeddings=True, full_attn_mod=1, interpolate_factor=1,
                       lm_head_bias=False, mlp_bias=False, partial_rotary_factor=0.75, **longrope(6, 64)),
    "smollm3": sizes("smollm3", "SmolLM3ForCausalLM", attention_bias=False, hidden_act="silu", layer_types=["full_attention"] * 4,
                     max_position_embeddings=65536, max_window_layers=28, mlp_bias=False, no_rope_layer_interval=4,
                     no_rope_layers=[1, 1, 1, 0], num_hidden_layers=4, num_key_value_heads=2, pad_token_id=2, pretraining_tp=2,
                     rms_norm_eps=1e-6, rope_scaling=None, rope_theta=5000000.0, sliding_window=None, use_sliding_window=False),
    "qwen2 with a window": qwen("qwen2", "Qwen2ForCausalLM", max_position_embeddings=32768, max_window_layers=2, sliding_window=8,
                                use_sliding_window=True),
    "qwen2.5, yarn": qwen("qwen2", "Qwen2ForCausalLM", max_position_embeddings=128, max_window_layers=28, sliding_window=131072,
                          use_sliding_window=False,
                          rope_scaling={"factor": 4.0, "original_max_position_embeddings": 32, "type": "yarn"}),
    "qwen3 with biases": qwen("qwen3", "Qwen3ForCausalLM", attention_bias=True, head_dim=32, max_position_embeddings=40960,
                              max_window_layers=2, rope_scaling=None, sliding_window=8, use_sliding_window=True),
    "gemma-2-27b": gemma("gemma2", "Gemma2ForCausalLM", attn_logit_softcapping=50.0, cache_implementation="hybrid",
                         final_logit_softcapping=30.0, head_dim=16, hidden_act="gelu_pytorch_tanh", max_position_embeddings=8192,
                         query_pre_attn_scalar=24, rope_theta=10000.0, sliding_window=8, sliding_window_size=8),
    "gemma-3-1b": gemma3(sliding_window_pattern=6),
    "llama with fields of other families": llama(partial_rotary_factor=0.5, attn_logit_softcapping=1.0, logit_scale=0.5, clip_qkv=0.1,
                                                 residual_multiplier=0.2, qk_layernorm=True, layer_types=["full_attention"] * 3),
    "llama, partial in rope_parameters": llama(rope_parameters={"rope_type": "default", "rope_theta": 500.0, "partial_rotary_factor": 0.25}),
    "llama, both spellings": llama(rope_scaling={"type": "linear", "factor": 8.0}, rope_theta=500.0,
                                   rope_parameters={"rope_type": "linear", "factor": 2.0, "rope_theta": 3.0}),
    "llama3 without its length": llama(max_position_embeddings=64, rope_scaling={"factor": 32.0, "high_freq_factor": 4.0,
                                                                               "low_freq_factor": 1.0, "rope_type": "llama3"}),
    "llama, yarn by length": llama(max_position_embeddings=128, rope_scaling={"rope_type": "yarn", "factor": None,
                                                                            "original_max_position_embeddings": 32}),
    "mistral with layer_types": sizes("mistral", "MistralForCausalLM", head_dim=16, hidden_act="silu", max_position_embeddings=32768,
                                      num_key_value_heads=2, rms_norm_eps=1e-5, rope_theta=10000.0, sliding_window=8,
                                      layer_types=["sliding_attention", "full_attention", "sliding_attention"]),
    "gemma-3 with a cap that it doesn't use": gemma3(layer_types=["sliding_attention", "full_attention"] * 3 + ["sliding_attention"],
                                                     ) | {"attn_logit_softcapping": 0.5, "final_logit_softcapping": 3.0},
    "gemma-3, rotations by kind of layer": gemma3() | {"rope_theta": 5000.0, "rope_local_base_freq": 70.0,
                                                       "rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 4.0},
                                                                           "sliding_attention": {"rope_type": "default"}}},
    "phi-3, called yarn": phi3(sliding_window=None, rope_scaling={"type": "yarn", "short_factor": SHORT, "long_factor": LONG}),
    "gemma-3-270m": gemma3(_sliding_window_pattern=6, use_bidirectional_attention=False,
                           layer_types=["sliding_attention"] * 5 + ["full_attention", "sliding_attention"]),
}
# Sessions choose LongRoPE's set of frequencies by their capacity, transformers by the text so far: there, logits only.
LOGITS_ONLY = ("phi-3, short text", "phi-3, long text", "phi-4-mini", "phi-3, called yarn")


def randomize(model, seed):
    """Weights that leave no part of the model without effect."""
    generator = torch.Generator().manual_seed(seed)
    gain = 0.0 if model.config.model_type.startswith("gemma") else 1.0
    with torch.no_grad():
        for name, value in model.named_parameters():
            noise = torch.randn(value.shape, generator=generator)
            if value.dim() == 2:
                value.copy_(noise * 1.3 / value.shape[1] ** 0.5)
            else:
                is_gain = name.endswith("weight") and ("norm" in name or "ln_" in name)
                value.copy_((gain if is_gain else 0.0) + 0.3 * noise)
    model.tie_weights()


def run(program, *arguments):
    result = subprocess.run([BIN / program, *map(str, arguments)], capture_output=True, text=True, timeout=100, check=False)
    if result.returncode != 0:
        raise AssertionError(f"{program}: {result.stderr}")
    return result.stdout


class FormTest(unittest.TestCase):
    def write(self, config, folder):
        """A checkpoint with this config.json, and the model that transformers makes of it."""
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(config))
        # Its eager form adds ALiBi twice (5.12).
        attention = "sdpa" if config.get("alibi") else "eager"
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder), attn_implementation=attention).float().eval()
        randomize(model, len(json.dumps(config)))
        model.save_pretrained(folder)
        shutil.move(folder / "config.json", folder / "config_as_saved.json")
        (folder / "tokenizer.bin").write_bytes(tokenizer_file())
        return model

    def compare(self, model, path, name):
        generator = torch.Generator().manual_seed(3)
        largest = 0.0
        for length in (1, 7, 33):
            ids = torch.randint(3, VOCABULARY, (1, length), generator=generator)
            text = ",".join(map(str, ids[0].tolist()))
            logits = path.with_suffix(".npy")
            run("inkling-eval", "logits", "--model", path, "--tokens", text, "--output", logits)
            with torch.no_grad():
                expected = model(ids, use_cache=False).logits[0]
                # Behind the header of an .npy file.
                found = torch.frombuffer(bytearray(logits.read_bytes()[-expected.numel() * 4:]), dtype=torch.float32)
                largest = max(largest, (found.reshape(expected.shape) - expected).abs().max().item())
                tokens = ids
                while name not in LOGITS_ONLY and tokens.shape[1] < length + GREEDY:
                    tokens = torch.cat([tokens, model(tokens, use_cache=False).logits[0, -1:].argmax(-1, keepdim=True)], 1)
            self.assertLessEqual(largest, TOLERANCE)
            if name not in LOGITS_ONLY:
                words = run("inkling-eval", "generate", "--model", path, "--tokens", text, "--max-new-tokens", GREEDY, "--ignore-eos")
                self.assertEqual([int(word) for word in words.split()], tokens[0, length:].tolist())
        return largest


class TransformersTest(FormTest):
    def test_every_form(self):
        names = [name for name in sys.argv[1:] if name in FORMS] or list(FORMS)
        for name in names:
            with self.subTest(form=name), tempfile.TemporaryDirectory(prefix="inkling-forms-") as temporary:
                folder = pathlib.Path(temporary) / "checkpoint"
                model = self.write(FORMS[name], folder)
                for config in (json.dumps(FORMS[name]), (folder / "config_as_saved.json").read_text()):
                    (folder / "config.json").write_text(config)
                    path = pathlib.Path(temporary) / "model.tflite"
                    run("inkling-convert", folder, path, "--weights=f32", "--quiet")
                    largest = self.compare(model, path, name)
                print(f"{name}: {largest:.1e}", flush=True)


def weights_of(folder):
    return load_file(folder / "model.safetensors")


def save_shards(tensors, folder, stem="model", suffix="safetensors", index=None):
    """The tensors in two files and their index."""
    names = sorted(tensors)
    weight_map = {name: f"{stem}-0000{1 + (i % 2)}-of-00002.{suffix}" for i, name in enumerate(names)}
    for file in set(weight_map.values()):
        part = {name: tensors[name] for name in names if weight_map[name] == file}
        (save_file if suffix == "safetensors" else torch.save)(part, folder / file)
    (folder / (index or f"model.{suffix}.index.json")).write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))


def changed(tensors):
    return {name: value + 0.25 for name, value in tensors.items()}


def with_attributes(tensors):
    for i, (name, value) in enumerate(tensors.items()):
        tensors[name] = (value.clone(), torch.nn.Parameter(value.clone()), torch.nn.Parameter(value.clone()), torch.nn.Buffer(value))[i % 4]
        if i % 4 != 2:
            tensors[name].note = {"tag": name, "sizes": [1.5, None, (2, 3)], "device": torch.device("cpu"), "dtype": torch.float16,
                                  "set": {name}, "bytes": b"xy", "size": torch.Size([2, 3]), "tensor": torch.ones(2), "complex": 1j}
    return tensors


class CheckpointFolderTest(FormTest):
    """Folders as people have them: which weights count, and under which names."""

    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="inkling-folders-")
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name) / "checkpoint"
        self.output = pathlib.Path(temporary.name) / "model.tflite"
        self.model = None

    def begin(self, config=None):
        config = config or llama(num_key_value_heads=2)
        self.model = self.write(config, self.folder)
        (self.folder / "config.json").write_text(json.dumps(config))
        tensors = weights_of(self.folder)
        (self.folder / "model.safetensors").unlink()
        return tensors

    def transformers_model(self, **options):
        return AutoModelForCausalLM.from_pretrained(self.folder, dtype=torch.float32, attn_implementation="eager", **options).eval()

    def check(self, model, *options):
        run("inkling-convert", self.folder, self.output, "--weights=f32", "--quiet", *options)
        print(f"{self.id().rsplit('.', 1)[-1]}: {self.compare(model, self.output, '')}", flush=True)

    def test_a_whole_file_comes_before_shards(self):
        tensors = self.begin()
        save_shards(changed(tensors), self.folder)
        torch.save(changed(tensors), self.folder / "pytorch_model.bin")
        save_file(tensors, self.folder / "model.safetensors", {"format": "pt"})
        self.check(self.transformers_model())
        for shard in self.folder.glob("model-*"):
            shard.unlink()
        self.check(self.transformers_model())

    def test_shards_come_before_pytorch(self):
        tensors = self.begin()
        save_shards(tensors, self.folder)
        torch.save(changed(tensors), self.folder / "pytorch_model.bin")
        self.check(self.model)

    def test_a_variant_when_asked_for(self):
        tensors = self.begin()
        save_file(tensors, self.folder / "model.safetensors", {"format": "pt"})
        save_file(changed(tensors), self.folder / "model.other.safetensors", {"format": "pt"})
        save_shards(tensors | {"lm_head.weight": tensors["lm_head.weight"] * 2}, self.folder, "model.third", "safetensors",
                    "model.safetensors.index.third.json")
        self.check(self.transformers_model())
        self.check(self.transformers_model(variant="other"), "--variant=other")
        self.check(self.transformers_model(variant="third"), "--variant=third")

    def test_a_head_that_differs(self):
        tensors = self.begin(llama(tie_word_embeddings=True))
        tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"].flip(0).contiguous()
        save_file(tensors, self.folder / "model.safetensors", {"format": "pt"})
        self.check(self.transformers_model())

    def test_a_head_that_is_equal(self):
        tensors = self.begin(llama(tie_word_embeddings=True))
        tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"]
        torch.save(tensors, self.folder / "pytorch_model.bin")
        self.check(self.transformers_model())

    def test_only_the_head_is_there(self):
        tensors = self.begin(llama(tie_word_embeddings=True))
        tensors["lm_head.weight"] = tensors.pop("model.embed_tokens.weight")
        save_file(tensors, self.folder / "model.safetensors", {"format": "pt"})
        self.check(self.transformers_model())

    def test_biases_of_queries_keys_and_values_alone(self):
        tensors = self.begin(llama(attention_bias=True))
        tensors = {name: value for name, value in tensors.items() if not name.endswith("o_proj.bias")}
        save_file(tensors, self.folder / "model.safetensors", {"format": "pt"})
        self.check(self.transformers_model())

    def test_prefixes(self):
        tensors = self.begin()
        for prefix in ("_orig_mod.", "module.", "pretrained_model.", "base_model.model.", "module._orig_mod."):
            save_file({prefix + name: value for name, value in tensors.items()} | {"v_head.summary.weight": torch.ones(1, 64)},
                      self.folder / "model.safetensors", {"format": "pt"})
            self.check(self.model)

    def test_tensors_in_wrappers(self):
        torch.save(with_attributes(self.begin()), self.folder / "pytorch_model.bin")
        self.check(self.transformers_model())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
