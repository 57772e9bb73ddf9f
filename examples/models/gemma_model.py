"""The Gemma 1 architecture in plain torch, for training and for checking.

train.py trains it, sample.py and golden.py run it. It is written for reading: no cache, no fused
kernels. `sample.py --check FOLDER` proves it against reference logits of another implementation.
What is particular to the family: embeddings times sqrt(hidden size), RMSNorm with (1 + weight),
a tanh-GELU gate, one key/value head, rotate-half rotary pairs, output head tied to the embedding.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from safetensors_file import read_float32


@dataclass
class GemmaConfig:
    """The axes of config.json that change the arithmetic."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    rms_norm_eps: float
    rope_theta: float

    @staticmethod
    def from_json(values):
        return GemmaConfig(**{key: values[key] for key in GemmaConfig.__annotations__})


class RmsNorm(nn.Module):
    def __init__(self, size, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(size))  # The stored weight is offset by one.
        self.eps = eps

    def forward(self, x):
        scale = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps)
        return x * scale * (1.0 + self.weight)


def rotary_tables(length, head_dim, theta):
    """Returns cos and sin, each [length, head_dim / 2], float32."""
    exponents = torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim
    angles = torch.outer(torch.arange(length, dtype=torch.float32), 1.0 / theta**exponents)
    return angles.cos(), angles.sin()


def rotate(x, cos, sin):
    """Rotates pair (i, i + head_dim / 2) of x [batch, heads, length, head_dim]."""
    low, high = x.chunk(2, dim=-1)
    return torch.cat((low * cos - high * sin, high * cos + low * sin), dim=-1)


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.heads, self.kv_heads = config.num_attention_heads, config.num_key_value_heads
        self.head_dim = config.head_dim
        query_size, kv_size = self.heads * self.head_dim, self.kv_heads * self.head_dim
        self.q_proj = nn.Linear(config.hidden_size, query_size, bias=False)
        self.k_proj = nn.Linear(config.hidden_size, kv_size, bias=False)
        self.v_proj = nn.Linear(config.hidden_size, kv_size, bias=False)
        self.o_proj = nn.Linear(query_size, config.hidden_size, bias=False)

    def forward(self, x, cos, sin, documents):
        batch, length, _ = x.shape

        def split(y, heads):
            return y.view(batch, length, heads, self.head_dim).transpose(1, 2)

        q = rotate(split(self.q_proj(x), self.heads), cos, sin)
        k = rotate(split(self.k_proj(x), self.kv_heads), cos, sin)
        v = split(self.v_proj(x), self.kv_heads)
        if self.kv_heads != self.heads:
            repeats = self.heads // self.kv_heads
            k, v = k.repeat_interleave(repeats, dim=1), v.repeat_interleave(repeats, dim=1)
        # A token sees its own document only, so each document is attended to by itself.
        parts = zip(*(part.split(documents, dim=2) for part in (q, k, v)))
        mixed = torch.cat([self._attend(*part) for part in parts], dim=2)
        return self.o_proj(mixed.transpose(1, 2).reshape(batch, length, -1))

    def _attend(self, q, k, v):
        length = q.shape[2]
        causal = torch.full((length, length), float("-inf")).triu(1)
        scores = q @ k.transpose(-1, -2) / math.sqrt(self.head_dim) + causal
        return scores.softmax(dim=-1) @ v


def gelu_tanh(x):
    return F.gelu(x, approximate="tanh")


class Mlp(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x):
        return self.down_proj(gelu_tanh(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.input_layernorm = RmsNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RmsNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = Mlp(config)

    def forward(self, x, cos, sin, documents):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, documents)
        return x + self.mlp(self.post_attention_layernorm(x))


class Gemma(nn.Module):
    """Token ids [batch, length] to logits [batch, length, vocab_size]; names match checkpoints."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.norm = RmsNorm(config.hidden_size, config.rms_norm_eps)

    def forward(self, ids, documents=None):
        """`documents` are the lengths of texts that lie one after another; None means one text."""
        documents = documents or [ids.shape[1]]
        cos, sin = rotary_tables(max(documents), self.config.head_dim, self.config.rope_theta)
        cos = torch.cat([cos[:length] for length in documents])
        sin = torch.cat([sin[:length] for length in documents])
        x = self.embed_tokens(ids) * math.sqrt(self.config.hidden_size)
        for layer in self.layers:
            x = layer(x, cos, sin, documents)
        return F.linear(self.norm(x), self.embed_tokens.weight)

    def checkpoint_tensors(self):
        """The parameters under the names that published checkpoints use."""
        return {"model." + name: value for name, value in self.state_dict().items()}


def load_folder(folder):
    """Opens a Hugging Face folder (one model.safetensors) with its weights converted to float32."""
    values = json.loads((Path(folder) / "config.json").read_text())
    model = Gemma(GemmaConfig.from_json(values))
    tensors = read_float32(Path(folder) / "model.safetensors")
    prefix = "model."
    model.load_state_dict({name[len(prefix) :]: value for name, value in tensors.items()})
    return model.eval()
