#!/usr/bin/env python3
"""Tokenizer folders of every class and with every side file, whose ids transformers computes here.

Folders are made of little vocabularies that are trained here: slow ones (tokenizer.model, vocab.json) written as their
classes read them, and fast ones by transformers' own save_pretrained; then files are added, changed and taken away. For
each, ids of odd texts must be those of AutoTokenizer.from_pretrained. Run by ctest with INKLING_BIN_DIR in the environment;
needs transformers and sentencepiece, and is skipped (77) where Python has none. Arguments: names of folders, instead of
all; or --write, which writes the folders of COMMITTED with their ids to tokenizer_folders/ for tokenizer_folders_test.cc.
"""

import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
try:
    import sentencepiece
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import AutoTokenizer, PreTrainedTokenizerFast, __version__
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)
if int(__version__.split(".")[0]) < 5:
    print(f"skipped: transformers {__version__} reads folders in another way than 5")
    sys.exit(77)

HERE = pathlib.Path(__file__).resolve().parent
ROWS = 512

CORPUS = [
    "Once upon a time there was a little robot who liked to count: 1, 2, 3, 10, 100, 2024.",
    "She said it isn't what they'd think; we'll see what you've done, won't we?",
    "def main(argc, argv):\n    return argc + 1  # a comment\n",
    "Der Fluß fließt über die Brücke, und das Café öffnet um neun Uhr.",
    "the the the there their them then these those this that thing things thinking",
    "hello hello world world how are you today? I am fine, thank you very much!",
    "user assistant system question answer more yes no maybe ok okay",
] * 20

TEXTS = [
    "", " ", "  ", "   a", "a", " a", "a b", "a  b", "hello", " hello", "  hello", "hello ", "Hello, World!", "the\nthe", "\n", "\n\n", "a\n\nb",
    "\t", "\ttab", "1234567", "3.14159", "x1y22z333", "isn't we'll they'd YOU'VE", "'s 't", "Fluß über Café", "Cafe\u0301", "e\u0301\u0301",
    "\u1e9b\u0323", "日本語テキスト", "한국어", "привет мир", "😀 ok 👍🏽", "\u200d", "\u00a0x", "a\u3000b", "<s>", "</s>", "<s>hello</s>",
    "<unk>", "<|endoftext|>", "a<|endoftext|>b", "<|im_start|>user\nhello<|im_end|>\n", "hi <|im_end|> there", "<|x|> <|x|>", "tool", "tools",
    "a tool b", "atool toolb", "tool.", "_tool", "tool5", "xtoolx tool", "<|l|>  <|r|>  <|b|>  end", "a <|l|>b<|r|> c <|b|> d", "▁a", "a▁b", "<0x0A>",
    "<pad><bos><eos><mask>", "if (x) {\n\treturn y;\n}", "ab" * 40, "\r\n", "a\r\nb", "THE Quick BROWN", "ﬁne ①②", "½ ² x²", "\ufffd",
]


# Vocabularies


class Vocabularies:
    """Little vocabularies, trained once."""

    def __init__(self):
        self.spm_bpe = self.sentencepiece("bpe", byte_fallback=True)
        self.spm_plain = self.sentencepiece("bpe", byte_fallback=False)
        self.spm_unigram = self.sentencepiece("unigram", byte_fallback=True)
        self.spm_defined = self.sentencepiece("bpe", byte_fallback=True, user_defined_symbols=["<|x|>", "tool"],
                                              control_symbols=["<|im_start|>", "<|im_end|>"])
        self.spm_nfkc = self.sentencepiece("unigram", byte_fallback=True, normalization_rule_name="nmt_nfkc")
        self.spm_gemma = self.sentencepiece("bpe", byte_fallback=True, bos_piece="<bos>", eos_piece="<eos>", pad_id=3,
                                            add_dummy_prefix=False, user_defined_symbols=["<mask>"])
        self.bytes = self.byte_level()

    def sentencepiece(self, kind, **options):
        options = {"normalization_rule_name": "identity", "remove_extra_whitespaces": False, **options}
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(CORPUS), model_writer=model, model_type=kind, vocab_size=430 if options["byte_fallback"] else 180,
            hard_vocab_limit=False, character_coverage=1.0, minloglevel=2, num_threads=1, **options)
        return model.getvalue()

    def byte_level(self):
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(
            vocab_size=420, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<|endoftext|>"], show_progress=False))
        model = json.loads(tokenizer.to_str())["model"]
        return model["vocab"], model["merges"]


# Writing folders


def write(folder, name, value):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(value, bytes):
        path.write_bytes(value)
    elif isinstance(value, str):
        path.write_text(value, encoding="utf-8")
    else:
        path.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")


def write_config(folder, model_type="llama", **fields):
    write(folder, "config.json", {"architectures": ["LlamaForCausalLM"], "model_type": model_type, "vocab_size": ROWS, **fields})


def slow_spm(model, config=None, model_type="llama", **files):
    """A folder of tokenizer.model; `files` are side files, with __ for the dot."""
    def make(folder):
        write(folder, "tokenizer.model", model)
        write_config(folder, model_type)
        if config is not None:
            write(folder, "tokenizer_config.json", config)
        for name, value in files.items():
            write(folder, name.replace("__", "."), value)
    return make


def slow_bpe(vocabularies, config=None, model_type="llama", extra_vocab=(), **files):
    def make(folder):
        vocab, merges = vocabularies.bytes
        vocab = dict(vocab)
        for token in extra_vocab:
            vocab[token] = len(vocab)
        write(folder, "vocab.json", vocab)
        write(folder, "merges.txt", "#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
        write_config(folder, model_type)
        if config is not None:
            write(folder, "tokenizer_config.json", config)
        for name, value in files.items():
            write(folder, name.replace("__", "."), value)
    return make


def saved(slow, change=None, add=None, model_type="llama"):
    """What save_pretrained writes of a slow folder; `add` adds tokens before, `change` edits the files after."""
    def make(folder):
        with tempfile.TemporaryDirectory() as temp:
            slow(pathlib.Path(temp))
            tokenizer = AutoTokenizer.from_pretrained(temp)
            if add:
                add(tokenizer)
            tokenizer.save_pretrained(folder)
        write_config(folder, model_type)
        if change:
            change(folder)
    return make


def fast(tokenizer, change=None, add=None, model_type="llama", **kwargs):
    """PreTrainedTokenizerFast around a `tokenizers` object."""
    def make(folder):
        wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer(), **kwargs)
        if add:
            add(wrapped)
        wrapped.save_pretrained(folder)
        write_config(folder, model_type)
        if change:
            change(folder)
    return make


def edit(name, function):
    def change(folder):
        value = json.loads((folder / name).read_text(encoding="utf-8"))
        function(value)
        write(folder, name, value)
    return change


def in_turn(*changes):
    def change(folder):
        for one in changes:
            one(folder)
    return change


def update_config(**fields):
    return edit("tokenizer_config.json", lambda config: config.update(fields))


def remove(*names):
    def change(folder):
        for name in names:
            (folder / name).unlink()
    return change


def token(content, special=False, **flags):
    return {"content": content, "lstrip": False, "normalized": not special, "rstrip": False, "single_word": False, "special": special, **flags}


def decoder_of(start, *tokens):
    return {str(start + i): one for i, one in enumerate(tokens)}


LLAMA = {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "legacy": False}
MARKS = {"<|im_start|>": 430, "<|im_end|>": 431}
FLAGS = [token("<|l|>", True, lstrip=True), token("<|r|>", True, rstrip=True), token("<|b|>", lstrip=True, rstrip=True),
         token("tool", single_word=True), token("<|x|>", normalized=False)]


def add_flags(tokenizer):
    tokenizer.add_tokens([AddedToken(**one) for one in FLAGS])


def add_marks(tokenizer):
    tokenizer.add_special_tokens({"extra_special_tokens": ["<|im_start|>", "<|im_end|>"]})


SPECIAL = {"bos_token": "<s>", "eos_token": "<|im_end|>", "unk_token": "<unk>"}
FLAGGED = decoder_of(0, token("<unk>", True), token("<s>", True), token("</s>", True))


def llama_folders(v):
    """SentencePiece models under LlamaTokenizer, as their authors wrote them."""
    dicts = {key: token(text, normalized=False, special=True) for key, text in SPECIAL.items()}
    return {
        "llama_plain": slow_spm(v.spm_bpe, LLAMA),
        "llama_fast_name": slow_spm(v.spm_bpe, {**LLAMA, "tokenizer_class": "LlamaTokenizerFast"}),
        "llama_no_config_keys": slow_spm(v.spm_bpe, {"tokenizer_class": "LlamaTokenizer"}),
        "llama_legacy": slow_spm(v.spm_bpe, {**LLAMA, "legacy": True}),
        "llama_no_prefix": slow_spm(v.spm_bpe, {**LLAMA, "add_prefix_space": False}),
        "llama_prefix_legacy": slow_spm(v.spm_bpe, {**LLAMA, "add_prefix_space": True, "legacy": True}),
        "llama_bos_eos": slow_spm(v.spm_bpe, {**LLAMA, "add_bos_token": True, "add_eos_token": True}),
        "llama_added_json": slow_spm(v.spm_bpe, {**LLAMA, "eos_token": "<|im_end|>"}, added_tokens__json=MARKS,
                                     special_tokens_map__json=SPECIAL),
        "llama_added_json_alone": slow_spm(v.spm_bpe, LLAMA, added_tokens__json={**MARKS, "tool": 432}),
        "llama_added_json_far": slow_spm(v.spm_bpe, LLAMA, added_tokens__json={"<|im_start|>": 500, "<|im_end|>": 505}),
        "llama_added_json_piece": slow_spm(v.spm_bpe, LLAMA, added_tokens__json={"the": 430, "▁hello": 431, "<|x|>": 432}),
        "llama_map_alone": slow_spm(v.spm_bpe, LLAMA, special_tokens_map__json={"eos_token": "<|im_end|>", "pad_token": "<|x|>"}),
        "llama_map_dicts": slow_spm(v.spm_bpe, {**LLAMA, "eos_token": "</s>"}, special_tokens_map__json=dicts, added_tokens__json=MARKS),
        "llama_map_rstrip": slow_spm(v.spm_bpe, LLAMA, special_tokens_map__json={"eos_token": token("<|r|>", True, rstrip=True)}),
        "llama_map_additional": slow_spm(v.spm_bpe, LLAMA, special_tokens_map__json={"additional_special_tokens": ["<|im_start|>"]},
                                         added_tokens__json=MARKS),
        "llama_additional": slow_spm(v.spm_bpe, {**LLAMA, "additional_special_tokens": ["<|im_start|>", "<|im_end|>", "tool"]}),
        "llama_additional_typed": slow_spm(v.spm_bpe, {**LLAMA, "additional_special_tokens": [
            {"__type": "AddedToken", **token("<|l|>", True, lstrip=True)}, {"__type": "AddedToken", **token("tool", True, single_word=True)}]}),
        "llama_extra_over_additional": slow_spm(v.spm_bpe, {**LLAMA, "extra_special_tokens": ["<|x|>"], "additional_special_tokens": ["tool"]}),
        "llama_extra_named": slow_spm(v.spm_bpe, {**LLAMA, "extra_special_tokens": {"image_token": "<|x|>"}, "audio_token": "tool"}),
        "llama_typed_bos": slow_spm(v.spm_bpe, {**LLAMA, "bos_token": {"__type": "AddedToken", **token("<s>", True, rstrip=True)}}),
        "llama_decoder": slow_spm(v.spm_bpe, {**LLAMA, "added_tokens_decoder": {**FLAGGED, **decoder_of(430, *FLAGS)}}),
        "llama_decoder_over_files": slow_spm(v.spm_bpe, {**LLAMA, "added_tokens_decoder": {**FLAGGED, **decoder_of(430, FLAGS[3])}},
                                             added_tokens__json=MARKS, special_tokens_map__json=SPECIAL),
        "llama_named_twice": slow_spm(v.spm_bpe, {**LLAMA, "bos_token": "<|r|>", "additional_special_tokens": [
            {"__type": "AddedToken", **token("<|r|>", True, rstrip=True)}]}, special_tokens_map__json={"eos_token": token("<|r|>", True, lstrip=True)}),
        "llama_eos_missing": slow_spm(v.spm_bpe, {**LLAMA, "eos_token": "<|x|>"}),
        "llama_no_bytes": slow_spm(v.spm_plain, LLAMA),
        "llama_defined": slow_spm(v.spm_defined, LLAMA),
        "llama_defined_additional": slow_spm(v.spm_defined, {**LLAMA, "additional_special_tokens": ["<|im_end|>"]}),
        "llama_of_unigram": slow_spm(v.spm_unigram, LLAMA),
    }


def saved_llama_folders(v):
    """The same after transformers has saved them, and changes made by hand afterwards."""
    base = slow_spm(v.spm_bpe, LLAMA)
    return {
        "llama_saved": saved(base),
        "llama_saved_legacy": saved(slow_spm(v.spm_bpe, {**LLAMA, "legacy": True})),
        "llama_saved_flags": saved(base, add=add_flags),
        "llama_saved_marks": saved(base, add=add_marks),
        "llama_saved_then_legacy": saved(base, update_config(legacy=True)),
        "llama_saved_then_no_prefix": saved(base, update_config(add_prefix_space=False)),
        "llama_saved_bos": saved(slow_spm(v.spm_bpe, {**LLAMA, "add_bos_token": True})),
        "llama_saved_bos_then_not": saved(slow_spm(v.spm_bpe, {**LLAMA, "add_bos_token": True}), update_config(add_bos_token=False)),
        "llama_saved_with_added_json": saved(base, lambda f: write(f, "added_tokens.json", MARKS)),
        "llama_saved_with_decoder": saved(base, update_config(added_tokens_decoder={**FLAGGED, **decoder_of(430, *FLAGS)})),
        "llama_saved_no_class": saved(base, edit("tokenizer_config.json", lambda c: c.pop("tokenizer_class"))),
        "llama_saved_no_config": saved(base, remove("tokenizer_config.json")),
        "llama_saved_versions": saved(base, in_turn(
            lambda f: write(f, "tokenizer.4.0.0.json", (f / "tokenizer.json").read_text(encoding="utf-8")),
            edit("tokenizer.4.0.0.json", lambda t: t["added_tokens"].append({"id": 430, **token("tool", normalized=False)})),
            lambda f: write(f, "tokenizer.9.0.0.json", "{}"),
            update_config(fast_tokenizer_files=["tokenizer.9.0.0.json", "tokenizer.json", "tokenizer.4.0.0.json"]))),
        "llama_saved_unknown_class": saved(base, update_config(tokenizer_class="QWenTokenizer")),
        "llama_saved_as_backend": saved(base, update_config(tokenizer_class="TokenizersBackend"), add=add_flags),
    }


def other_spm_folders(v):
    """SentencePiece models under other classes, or under none."""
    return {
        "code_llama": slow_spm(v.spm_bpe, {**LLAMA, "tokenizer_class": "CodeLlamaTokenizer"}),
        "code_llama_saved": saved(slow_spm(v.spm_bpe, {**LLAMA, "tokenizer_class": "CodeLlamaTokenizerFast"})),
        "plain_spm": slow_spm(v.spm_bpe, {"bos_token": "<s>", "eos_token": "</s>"}),
        "plain_spm_nfkc": slow_spm(v.spm_nfkc, {"tokenizer_class": "TokenizersBackend"}),
        "plain_spm_unigram": slow_spm(v.spm_unigram, {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>"}),
        "plain_spm_saved": saved(slow_spm(v.spm_unigram, {"tokenizer_class": "TokenizersBackend"}), add=add_flags),
        "mistral_spm": slow_spm(v.spm_bpe, LLAMA, "mistral"),
        "gemma": slow_spm(v.spm_gemma, {"tokenizer_class": "GemmaTokenizer", "add_bos_token": True}),
        "gemma_by_type": slow_spm(v.spm_gemma, {"bos_token": "<bos>"}, "gemma"),
        "gemma_by_type_alone": slow_spm(v.spm_gemma, None, "gemma2"),
        "gemma_flags": slow_spm(v.spm_gemma, {"tokenizer_class": "GemmaTokenizerFast", "added_tokens_decoder": decoder_of(440, *FLAGS)}),
        "gemma_saved": saved(slow_spm(v.spm_gemma, {"tokenizer_class": "GemmaTokenizer", "add_bos_token": True}), add=add_flags),
        "gemma_of_plain": slow_spm(v.spm_bpe, {"tokenizer_class": "GemmaTokenizer"}),
    }


def byte_folders(v):
    """vocab.json and merges.txt under every class."""
    result = {}
    for name in ("GPT2", "CodeGen", "Qwen2", "GPTNeoX", "Cohere"):
        config = {"tokenizer_class": f"{name}Tokenizer"}
        key = name.lower()
        base = slow_bpe(v, config)
        result.update({
            f"{key}_plain": base,
            f"{key}_fast_name": slow_bpe(v, {"tokenizer_class": f"{name}TokenizerFast", "bos_token": "<|endoftext|>"}),
            f"{key}_prefix": slow_bpe(v, {**config, "add_prefix_space": True}),
            f"{key}_added_json": slow_bpe(v, {**config, "eos_token": "<|im_end|>"}, added_tokens__json={"<|im_start|>": 420, "<|im_end|>": 421}),
            f"{key}_flags": slow_bpe(v, {**config, "added_tokens_decoder": decoder_of(420, *FLAGS)}),
            f"{key}_flags_special": slow_bpe(v, {**config, "eos_token": "<|r|>", "additional_special_tokens": ["<|l|>", "tool"],
                                                 "added_tokens_decoder": decoder_of(420, *FLAGS)}),
            f"{key}_map": slow_bpe(v, config, special_tokens_map__json={"eos_token": "<|im_end|>", "additional_special_tokens": ["<|x|>"]}),
            f"{key}_bos": slow_bpe(v, {**config, "bos_token": "<|endoftext|>", "add_bos_token": True}),
            f"{key}_named_twice": slow_bpe(v, {**config, "extra_special_tokens": [
                {"__type": "AddedToken", **token("<|endoftext|>", True, lstrip=True, single_word=True)}]}),
            f"{key}_saved": saved(base),
            f"{key}_saved_flags": saved(base, add=add_flags),
            f"{key}_saved_prefix": saved(base, update_config(add_prefix_space=True)),
            f"{key}_saved_marks": saved(base, in_turn(edit("tokenizer_config.json", lambda c: c.pop("extra_special_tokens", None)),
                                                      lambda f: write(f, "special_tokens_map.json", {"additional_special_tokens": ["tool"]})),
                                        add=add_marks),
        })
    for model_type in ("qwen2", "gpt2", "phi", "stablelm", "gpt_neox", "cohere"):
        result[f"by_type_{model_type}"] = slow_bpe(v, {"model_max_length": 2048}, model_type)
        result[f"by_type_{model_type}_alone"] = slow_bpe(v, None, model_type)
    result["phi_codegen"] = slow_bpe(v, {"tokenizer_class": "CodeGenTokenizer", "add_prefix_space": False}, "phi",
                                     added_tokens__json={"  ": 420, "   ": 421, "\t": 422})
    result["qwen2_as_fast"] = saved(slow_bpe(v, {"tokenizer_class": "Qwen2Tokenizer"}), update_config(tokenizer_class="PreTrainedTokenizerFast"),
                                    model_type="qwen2")
    return result


def unigram(byte_fallback, prefix):
    """A Unigram model that the `tokenizers` library trains, with one of the ways to write spaces."""
    def make():
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
        alphabet = [f"<0x{byte:02X}>" for byte in range(256)] if byte_fallback else []
        tokenizer.train_from_iterator(CORPUS, trainers.UnigramTrainer(
            vocab_size=160, special_tokens=["<unk>", "<s>", "</s>"], unk_token="<unk>", show_progress=False))
        model = json.loads(tokenizer.to_str())["model"]
        vocab = [(piece, score) for piece, score in model["vocab"]] + [(piece, -30.0) for piece in alphabet]
        tokenizer = Tokenizer(models.Unigram(vocab, unk_id=0, byte_fallback=byte_fallback))
        steps = [decoders.ByteFallback(), decoders.Fuse()] if byte_fallback else [decoders.Fuse()]
        if prefix in ("Prepend", "Replace"):
            replace = [normalizers.Replace(" ", "▁")]
            tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁")] + replace if prefix == "Prepend" else replace)
        else:
            tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=prefix, split=prefix != "first")
        tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " ")] + steps)
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)])
        return tokenizer
    return make


def byte_bpe(v, pre_tokenizer, normalizer=None):
    def make():
        vocab, merges = v.bytes
        tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=[tuple(pair) for pair in merges]))
        tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizer, decoders.ByteLevel()
        if normalizer:
            tokenizer.normalizer = normalizer
        return tokenizer
    return make


def fast_folders(v):
    """tokenizer.json of any kind under PreTrainedTokenizerFast."""
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    end = {"eos_token": "<|endoftext|>"}
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    config_flags = in_turn(edit("tokenizer_config.json", lambda c: c.update(
        added_tokens_decoder=decoder_of(420, *[{**one, "rstrip": True, "lstrip": False} for one in FLAGS]))))
    result = {f"unigram_{scheme.lower()}{'_bytes' if with_bytes else ''}": fast(unigram(with_bytes, scheme), add=add_flags, **names)
              for scheme in ("Prepend", "Replace", "always", "first", "never") for with_bytes in (False, True)}
    result.update({
        "fast_flags": fast(byte_bpe(v, byte_level), add=add_flags, **end),
        "fast_config_flags": fast(byte_bpe(v, byte_level), config_flags, add=add_flags, **end),
        "fast_nfc_flags": fast(byte_bpe(v, byte_level, normalizers.NFC()), add=add_flags, **end),
        "fast_new_in_config": fast(byte_bpe(v, byte_level), update_config(added_tokens_decoder=decoder_of(420, *FLAGS)), **end),
        "fast_new_in_map": fast(byte_bpe(v, byte_level), lambda f: write(f, "special_tokens_map.json", {
            "pad_token": token("<|r|>", True, rstrip=True), "additional_special_tokens": ["<|x|>"]}), **end),
        "fast_new_in_added_json": fast(byte_bpe(v, byte_level), lambda f: write(f, "added_tokens.json", {"<|x|>": 425, "tool": 423}), **end),
        "fast_bos_told": fast(byte_bpe(v, byte_level), update_config(add_bos_token=True, bos_token="<|endoftext|>"), **end),
    })
    return result


COMMITTED = ["llama_added_json", "llama_map_rstrip", "llama_decoder", "llama_legacy", "llama_no_prefix", "llama_saved_flags", "llama_no_bytes",
             "code_llama", "plain_spm_nfkc", "gemma_flags", "gpt2_added_json", "qwen2_flags_special", "gptneox_map", "cohere_prefix",
             "phi_codegen", "by_type_qwen2", "unigram_first_bytes", "unigram_always", "fast_config_flags"]


def expected_of(folder):
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    ids = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in TEXTS]
    framed = [tokenizer(text)["input_ids"] for text in TEXTS]
    decoded = [tokenizer.decode(one, skip_special_tokens=False, clean_up_tokenization_spaces=False) for one in ids]
    return {"class": type(tokenizer).__name__, "eos": tokenizer.eos_token_id, "bos": tokenizer.bos_token_id, "texts": TEXTS, "ids": ids,
            "framed": framed, "decoded": decoded}


def compare(name, folder, tool):
    expected = expected_of(folder)
    found = json.loads(subprocess.run([tool, str(folder)], input=json.dumps(TEXTS).encode(), capture_output=True, check=True).stdout)
    if "error" in found:
        return [f"{name}: {found['error']}"]
    wrong = []
    for kind in ("ids", "framed", "decoded"):
        for text, want, have in zip(TEXTS, expected[kind], found[kind]):
            if want != have:
                wrong.append(f"{name}: {kind} of {text!r}: expected {want!r}, found {have!r}")
    if expected["eos"] is not None and expected["eos"] not in found["stops"] + [found["bos"]]:
        wrong.append(f"{name}: eos {expected['eos']} is no stop: {found['stops']}")
    return wrong


def commit(folders):
    target = HERE / "tokenizer_folders"
    shutil.rmtree(target, ignore_errors=True)
    for name in COMMITTED:
        folder = target / name
        folder.mkdir(parents=True)
        folders[name](folder)
        write(folder, "expected.json", json.dumps(expected_of(folder), ensure_ascii=False, separators=(",", ":")) + "\n")
        if (folder / "tokenizer.json").exists():
            write(folder, "tokenizer.json", json.dumps(json.loads((folder / "tokenizer.json").read_text()), ensure_ascii=False,
                                                       separators=(",", ":")))


def main():
    failures = []
    with tempfile.TemporaryDirectory() as temp:
        v = Vocabularies()
        folders = {**llama_folders(v), **saved_llama_folders(v), **other_spm_folders(v),
                   **byte_folders(v), **fast_folders(v)}
        if sys.argv[1:] == ["--write"]:
            commit(folders)
            return 0
        tool = pathlib.Path(os.environ["INKLING_BIN_DIR"]) / "tokenizer_folder_ids"
        names = sys.argv[1:] or list(folders)
        for name in names:
            folder = pathlib.Path(temp) / "folders" / name
            folder.mkdir(parents=True)
            folders[name](folder)
            failures.append(compare(name, folder, tool))
    wrong = [lines for lines in failures if lines]
    for lines in wrong:
        print("\n".join(lines[:6]))
        if len(lines) > 6:
            print(f"    and {len(lines) - 6} more")
    print(f"{len(names)} folders, {len(TEXTS)} texts each; {len(wrong)} folders wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
