// The table of classes, and AutoTokenizer's choice (see tokenizer_class.h).

#include "converter/tokenizer/tokenizer_class.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/strip.h"

namespace inkling {
namespace {

constexpr absl::string_view kEnd = "<|endoftext|>";

constexpr TokenizerClass kClasses[] = {
    {"TokenizersBackend", ClassPipeline::kAsWritten, "", "", "", "", "", false, false},
    {"LlamaTokenizer", ClassPipeline::kMetaspace, "<s>", "</s>", "<unk>", "", "", false, false},
    {"CodeLlamaTokenizer", ClassPipeline::kMetaspaceFirst, "<s>", "</s>", "<unk>", "",
     "prefix_token=\u2581<PRE> middle_token=\u2581<MID> suffix_token=\u2581<SUF> "
     "eot_token=\u2581<EOT> fill_token=<FILL_ME> ",
     true, false},
    {"GemmaTokenizer", ClassPipeline::kEscapedSpaces, "<bos>", "<eos>", "<unk>", "<pad>",
     "mask_token=<mask> ", false, false},
    {"GPT2Tokenizer", ClassPipeline::kSpacedWords, kEnd, kEnd, kEnd, "", "", false, false},
    {"CodeGenTokenizer", ClassPipeline::kSpacedWords, kEnd, kEnd, kEnd, "", "", false, false},
    {"GPTNeoXTokenizer", ClassPipeline::kSpacedWordsNfc, kEnd, kEnd, kEnd, "<|padding|>", "", false,
     false},
    {"CohereTokenizer", ClassPipeline::kDigitsAndWords, "<BOS_TOKEN>", "<|END_OF_TURN_TOKEN|>",
     "<UNK>", "<PAD>", "sep_token=<SEP> cls_token=<CLS> mask_token=<MASK_TOKEN> ", false, true},
    {"Qwen2Tokenizer", ClassPipeline::kPrefixedWordsNfc, "", kEnd, kEnd, kEnd, "", false, true},
};

// Other names of classes.
struct Alias {
  absl::string_view name, of;
};
constexpr Alias kAliases[] = {
    {"PreTrainedTokenizerFast", "TokenizersBackend"},
    {"PreTrainedTokenizer", "TokenizersBackend"},
    {"PythonBackend", "TokenizersBackend"},
    {"BloomTokenizer", "TokenizersBackend"},
    {"Phi3Tokenizer", "LlamaTokenizer"},
};

// The class that a model type has by itself. Types that aren't here have none, or one that nothing
// in this table is like.
struct TypeClass {
  absl::string_view model_type, name;
};
constexpr TypeClass kOfModelType[] = {
    {"code_llama", "CodeLlamaTokenizer"},
    {"codegen", "GPT2Tokenizer"},
    {"cohere", "CohereTokenizer"},
    {"cohere2", "CohereTokenizer"},
    {"dbrx", "GPT2Tokenizer"},
    {"deepseek_v2", "TokenizersBackend"},
    {"deepseek_v3", "TokenizersBackend"},
    {"falcon_mamba", "GPTNeoXTokenizer"},
    {"flex_olmo", "GPT2Tokenizer"},
    {"gemma", "GemmaTokenizer"},
    {"gemma2", "GemmaTokenizer"},
    {"gemma3", "GemmaTokenizer"},
    {"gemma3_text", "GemmaTokenizer"},
    {"gemma3n", "GemmaTokenizer"},
    {"gemma3n_text", "GemmaTokenizer"},
    {"glm", "TokenizersBackend"},
    {"glm4", "TokenizersBackend"},
    {"gpt2", "GPT2Tokenizer"},
    {"gpt_bigcode", "GPT2Tokenizer"},
    {"gpt_neo", "GPT2Tokenizer"},
    {"gpt_neox", "GPTNeoXTokenizer"},
    {"gptj", "GPT2Tokenizer"},
    {"granite", "TokenizersBackend"},
    {"granitemoe", "TokenizersBackend"},
    {"internlm2", "TokenizersBackend"},
    {"jais2", "GPT2Tokenizer"},
    {"jamba", "TokenizersBackend"},
    {"mamba", "GPTNeoXTokenizer"},
    {"mamba2", "GPTNeoXTokenizer"},
    {"ministral", "TokenizersBackend"},
    {"ministral3", "TokenizersBackend"},
    {"mistral", "TokenizersBackend"},
    {"mistral3", "TokenizersBackend"},
    {"mixtral", "TokenizersBackend"},
    {"mpt", "GPTNeoXTokenizer"},
    {"nemotron", "TokenizersBackend"},
    {"olmo", "GPTNeoXTokenizer"},
    {"olmo2", "GPTNeoXTokenizer"},
    {"olmo3", "TokenizersBackend"},
    {"olmoe", "GPTNeoXTokenizer"},
    {"opt", "GPT2Tokenizer"},
    {"phi", "GPT2Tokenizer"},
    {"phi3", "TokenizersBackend"},
    {"phi3_v", "TokenizersBackend"},
    {"phimoe", "TokenizersBackend"},
    {"qwen2", "Qwen2Tokenizer"},
    {"qwen2_moe", "Qwen2Tokenizer"},
    {"qwen2_vl", "Qwen2Tokenizer"},
    {"qwen2_5_vl", "Qwen2Tokenizer"},
    {"qwen3", "Qwen2Tokenizer"},
    {"qwen3_moe", "Qwen2Tokenizer"},
    {"qwen3_next", "Qwen2Tokenizer"},
    {"qwen3_vl", "Qwen2Tokenizer"},
    {"recurrent_gemma", "GemmaTokenizer"},
    {"rwkv", "GPTNeoXTokenizer"},
    {"shieldgemma2", "GemmaTokenizer"},
    {"stablelm", "GPTNeoXTokenizer"},
    {"starcoder2", "GPT2Tokenizer"},
    {"t5gemma", "GemmaTokenizer"},
    {"xlstm", "GPTNeoXTokenizer"},
};

// Model types whose own class counts whatever the files name, because many published files name
// another. Others like them have TokenizersBackend, for which that follows anyway.
constexpr absl::string_view kOwnClassAlways = "qwen2";

const TokenizerClass* FindClass(absl::string_view name) {
  const auto alias = std::find_if(std::begin(kAliases), std::end(kAliases),
                                  [&](const Alias& entry) { return entry.name == name; });
  if (alias != std::end(kAliases)) name = alias->of;
  const auto found = std::find_if(std::begin(kClasses), std::end(kClasses),
                                  [&](const TokenizerClass& entry) { return entry.name == name; });
  return found == std::end(kClasses) ? nullptr : found;
}

}  // namespace

ClassChoice ChooseTokenizerClass(absl::string_view model_type, absl::string_view named) {
  ClassChoice choice;
  const absl::string_view plain =
      named == "PreTrainedTokenizerFast" ? named : absl::StripSuffix(named, "Fast");
  choice.named = std::string(plain);
  const TokenizerClass* const by_name = plain.empty() ? nullptr : FindClass(plain);
  choice.known = plain.empty() || by_name != nullptr;
  const auto type =
      std::find_if(std::begin(kOfModelType), std::end(kOfModelType),
                   [&](const TypeClass& entry) { return entry.model_type == model_type; });
  const TokenizerClass* const by_type =
      type == std::end(kOfModelType) ? nullptr : FindClass(type->name);
  choice.tokenizer_class = by_name != nullptr ? by_name : &kClasses[0];
  if (by_type == nullptr) return choice;
  const bool own = plain.empty() || by_type->pipeline == ClassPipeline::kAsWritten ||
                   model_type == kOwnClassAlways;
  if (own) choice.tokenizer_class = by_type;
  return choice;
}

}  // namespace inkling
