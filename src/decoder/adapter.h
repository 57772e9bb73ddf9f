// Adapter: a loaded LoRA adapter as a decoder computes with it, and how a pass is told of several.

#ifndef INKLING_SRC_DECODER_ADAPTER_H_
#define INKLING_SRC_DECODER_ADAPTER_H_

#include <cstddef>
#include <cstdint>

namespace inkling {

// Made by Decoder::CreateAdapter, for passes of that decoder. Immutable, so any number of passes
// may use it at once.
class Adapter {
 public:
  virtual ~Adapter() = default;
  Adapter(const Adapter&) = delete;
  Adapter& operator=(const Adapter&) = delete;

  virtual int64_t bytes() const = 0;

 protected:
  Adapter() = default;
};

struct ActiveAdapter {
  const Adapter* adapter;
  float weight;  // multiplies what the adapter adds
};

// Most adapters of one pass.
inline constexpr size_t kMaxAdapters = 8;

}  // namespace inkling

#endif  // INKLING_SRC_DECODER_ADAPTER_H_
