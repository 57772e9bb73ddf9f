// How likely texts are, and vectors of texts (scores_and_embeddings.md).
//
// usage: guide_scores_and_embeddings MODEL.tflite

#include <cstddef>
#include <iostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"

namespace {

// [snippet score]
// Prints the likeliest of some answers. Nothing is generated, and the session stays as it was.
absl::Status PickAnswer(inkling::LlmSession& session) {
  const std::vector<std::string> answers = {" dog", " seventeen", " of"};
  auto scores = session.Score("Once upon a time, there was a little", answers);
  if (!scores.ok()) return scores.status();
  size_t best = 0;
  for (size_t i = 0; i < answers.size(); ++i) {
    std::cout << answers[i] << ": " << (*scores)[i].log_probability << "\n";
    if ((*scores)[i].log_probability > (*scores)[best].log_probability) best = i;
  }
  std::cout << "likeliest:" << answers[best] << "\n";
  return absl::OkStatus();
}
// [/snippet]

// [snippet embed]
absl::Status Compare(inkling::LlmSession& session) {
  const std::vector<std::string> texts = {"The dog ran home.", "The dog ran away.", "Two plus two"};
  inkling::EmbedOptions options;
  options.pooling = inkling::Pooling::kMean;
  auto vectors = session.Embed(texts, options);
  if (!vectors.ok()) return vectors.status();
  const std::vector<float>& first = vectors->front();
  for (size_t i = 0; i < texts.size(); ++i) {  // the vectors have length 1
    const std::vector<float>& other = (*vectors)[i];
    float cosine = 0;
    for (size_t j = 0; j < first.size(); ++j) cosine += first[j] * other[j];
    std::cout << "cosine with '" << texts[i] << "': " << cosine << "\n";
  }
  return absl::OkStatus();
}
// [/snippet]

absl::Status Run(const std::string& path) {
  auto model = inkling::LlmModel::Open(path);
  if (!model.ok()) return model.status();
  auto session = inkling::LlmSession::Create(*model);
  if (!session.ok()) return session.status();
  absl::Status status = PickAnswer(**session);
  if (status.ok()) status = Compare(**session);
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: guide_scores_and_embeddings MODEL.tflite\n", 2;
  const absl::Status status = Run(argv[1]);
  if (!status.ok()) return std::cerr << status << "\n", 1;
  return 0;
}
