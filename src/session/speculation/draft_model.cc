// Proposed tokens stay in the draft model's cache, so those that are accepted needn't be computed
// again.

#include "src/session/speculation/draft_model.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "src/decoder/kv_cache.h"
#include "src/session/model_engine.h"
#include "src/session/sampler.h"
#include "src/text/tokenizer.h"

namespace inkling {
namespace {

// OK if token ids mean the same in both models.
absl::Status CheckSameVocabulary(const ModelEngine& draft, const ModelEngine& target) {
  const auto differ = [&](absl::string_view how) {
    return absl::InvalidArgumentError(
        absl::StrCat("draft_model: its vocabulary isn't the model's: ", how,
                     " (draft: ", draft.reader().metadata().provenance.source,
                     ", model: ", target.reader().metadata().provenance.source, ")"));
  };
  const int32_t vocab_size = target.config().vocab_size;
  if (draft.config().vocab_size != vocab_size) {
    return differ(
        absl::StrCat("expected ", vocab_size, " tokens, found ", draft.config().vocab_size));
  }
  const int32_t pieces = std::max(draft.tokenizer().num_pieces(), target.tokenizer().num_pieces());
  for (int32_t id = 0; id < pieces; ++id) {
    const absl::StatusOr<absl::string_view> ours = target.tokenizer().PieceText(id);
    const absl::StatusOr<absl::string_view> theirs = draft.tokenizer().PieceText(id);
    if (ours.ok() == theirs.ok() && (!ours.ok() || *ours == *theirs)) continue;
    const auto shown = [](const absl::StatusOr<absl::string_view>& piece) {
      return piece.ok() ? absl::StrCat("'", absl::CHexEscape(*piece), "'") : "no piece";
    };
    return differ(
        absl::StrCat("token ", id, ": expected ", shown(ours), ", found ", shown(theirs)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<DraftModel>> DraftModel::Create(const ModelEngine& engine,
                                                               const ModelEngine& target,
                                                               const CacheOptions& session_cache) {
  ABSL_RETURN_IF_ERROR(CheckSameVocabulary(engine, target));
  ABSL_ASSIGN_OR_RETURN(std::unique_ptr<KvCache> cache,
                        engine.decoder().CreateCache(DraftCacheOptions(engine, session_cache)));
  return absl::WrapUnique(
      new DraftModel(engine.decoder(), std::move(cache), engine.config().vocab_size));
}

absl::StatusOr<std::unique_ptr<DraftModel>> DraftModel::Fork() {
  ABSL_ASSIGN_OR_RETURN(TokenContext context, context_.Fork());
  return absl::WrapUnique(new DraftModel(std::move(context), pass_cost_));
}

absl::Status DraftModel::Follow(absl::Span<const int32_t> tokens) {
  const std::vector<int32_t>& old = context_.tokens();
  const size_t common = std::min(old.size(), tokens.size());
  const size_t same = static_cast<size_t>(
      std::mismatch(tokens.begin(), tokens.begin() + common, old.begin()).first - tokens.begin());
  context_.Truncate(static_cast<int32_t>(same));
  return context_.Append(tokens.subspan(same));
}

absl::Status DraftModel::Propose(absl::Span<const int32_t> tokens, size_t most, Sampler sampler,
                                 StopFunction stop, std::vector<int32_t>& draft) {
  if (tokens.size() > static_cast<size_t>(context_.capacity())) return absl::OkStatus();
  ABSL_RETURN_IF_ERROR(Follow(tokens));
  while (most-- > 0) {
    const auto pass = [&] { return context_.ComputeLogits(stop); };
    ABSL_ASSIGN_OR_RETURN(const absl::Span<const float> logits,
                          context_.num_uncomputed() <= 1 ? pass_cost_.Measure(1, pass) : pass());
    ABSL_ASSIGN_OR_RETURN(const SampledToken sampled,
                          sampler.Sample(logits, Sampler::LogProbability::kSkip));
    draft.push_back(sampled.token);
    if (context_.remaining() == 0) break;
    ABSL_RETURN_IF_ERROR(context_.Append(absl::MakeConstSpan(&sampled.token, 1)));
    sampler.Accept(sampled.token);
  }
  return absl::OkStatus();
}

}  // namespace inkling
