"""Trains the SentencePiece vocabulary of the model and writes the tokenizer's JSON files.

train.py calls it once before training. The options are those of public Gemma vocabularies: BPE with
byte fallback, whitespace kept as it is, no dummy prefix, one digit a piece, and turn markers and
newlines as user-defined pieces, so that they never split and never merge with their neighbours.
"""

import io
import json
from pathlib import Path

import sentencepiece

VOCAB_SIZE = 2048
TURN_PIECES = ["<start_of_turn>", "<end_of_turn>"]
NEWLINES = ["\n", "\n\n"]
# As public checkpoints of the family write it: roles alternate, "assistant" is called "model".
CHAT_TEMPLATE = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for message in messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}"
    "{% endif %}"
    "{% if (message['role'] == 'assistant') %}{% set role = 'model' %}"
    "{% else %}{% set role = message['role'] %}{% endif %}"
    "{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}"
)


def train_tokenizer(texts):
    """Learns the vocabulary from an iterable of texts; returns the bytes of tokenizer.model."""
    lines = (line for text in texts for line in text.split("\n") if line)
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=lines,
        model_writer=model,
        model_type="bpe",
        vocab_size=VOCAB_SIZE,
        byte_fallback=True,
        split_digits=True,
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        normalization_rule_name="identity",
        character_coverage=1.0,
        max_sentence_length=8192,
        pad_id=0,
        eos_id=1,
        bos_id=2,
        unk_id=3,
        pad_piece="<pad>",
        eos_piece="<eos>",
        bos_piece="<bos>",
        unk_piece="<unk>",
        user_defined_symbols=TURN_PIECES + NEWLINES,
        num_threads=1,
        minloglevel=1,
    )
    return model.getvalue()


def open_tokenizer(model_bytes):
    tokenizer = sentencepiece.SentencePieceProcessor()
    tokenizer.LoadFromSerializedProto(model_bytes)
    return tokenizer


def write_tokenizer(folder, model_bytes):
    """Writes tokenizer.model, tokenizer_config.json and special_tokens_map.json."""
    folder = Path(folder)
    tokenizer = open_tokenizer(model_bytes)
    (folder / "tokenizer.model").write_bytes(model_bytes)
    special = {
        "pad_token": "<pad>",
        "eos_token": "<eos>",
        "bos_token": "<bos>",
        "unk_token": "<unk>",
    }
    added = {}
    for piece in list(special.values()) + TURN_PIECES:
        added[str(tokenizer.PieceToId(piece))] = {
            "content": piece,
            "lstrip": False,
            "normalized": False,
            "rstrip": False,
            "single_word": False,
            "special": True,
        }
    config = {
        "add_bos_token": True,
        "add_eos_token": False,
        "added_tokens_decoder": added,
        "additional_special_tokens": TURN_PIECES,
        **special,
        "chat_template": CHAT_TEMPLATE,
        "clean_up_tokenization_spaces": False,
        "legacy": None,
        "model_max_length": 1024,
        "sp_model_kwargs": {},
        "spaces_between_special_tokens": False,
        "tokenizer_class": "GemmaTokenizer",
        "use_default_system_prompt": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
    special["additional_special_tokens"] = TURN_PIECES
    (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=2) + "\n")
