// Loading of an adapter's file for a model. LoraAdapter does it for apps, inkling-eval for passes
// of its own.

#ifndef INKLING_SRC_SESSION_LORA_LOADING_H_
#define INKLING_SRC_SESSION_LORA_LOADING_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "inkling/lora_adapter.h"
#include "src/decoder/adapter.h"
#include "src/session/model_engine.h"

namespace inkling {

struct LoadedAdapter {
  std::shared_ptr<const Adapter> adapter;
  LoraDescription description;
};

// Errors: those of LoraAdapter::Load.
absl::StatusOr<LoadedAdapter> LoadAdapter(const ModelEngine& engine, const std::string& path);

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_LORA_LOADING_H_
