// StepTimer: where the time of forward passes goes, by kind of operator.
//
// A ForwardRequest may bring one; inkling-bench --profile prints it. A step ends when it says so,
// and gets the time since the step before it ended, so the times add up to the whole pass: waiting
// for threads belongs to the step that waits. Passes without a timer pay a comparison for each
// step.

#ifndef INKLING_SRC_DECODER_STEP_TIMER_H_
#define INKLING_SRC_DECODER_STEP_TIMER_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace inkling {

// In the order in which a layer runs them.
enum class DecoderStep : uint8_t {
  kEmbedding,        // rows of the embedding table, and the cosines and sines of their positions
  kNorm,             // norms and additions to the residual stream
  kQuantize,         // rows to int8
  kQueryKeyValue,    // the three matmuls
  kRotateAndStore,   // norms and rotation of q and k, storing k and v
  kAttention,        // scores, softmax, weighted values
  kAttentionOutput,  // the matmul
  kGateUp,           // one or two matmuls, their activation slice by slice
  kDown,             // the matmul
  kHead,             // the matmul, and its soft cap
  kOther,            // taking the threads' lock, checks, commit
};

inline constexpr size_t kNumDecoderSteps = static_cast<size_t>(DecoderStep::kOther) + 1;

class StepTimer {
 public:
  struct Step {
    int64_t nanoseconds = 0;
    int64_t count = 0;  // how often a step of this kind ended
  };

  // Starts the clock of a pass. What a pass before it left running is dropped.
  void Start() { last_ = Clock::now(); }

  // Gives `step` the time since Start or the latest End.
  void End(DecoderStep step) {
    const Clock::time_point now = Clock::now();
    Step& ended = steps_[static_cast<size_t>(step)];
    ended.nanoseconds += std::chrono::duration_cast<std::chrono::nanoseconds>(now - last_).count();
    ++ended.count;
    last_ = now;
  }

  const Step& step(DecoderStep step) const { return steps_[static_cast<size_t>(step)]; }

 private:
  using Clock = std::chrono::steady_clock;

  Clock::time_point last_;
  std::array<Step, kNumDecoderSteps> steps_;
};

// Ends a step of a pass whose timer may be null.
inline void EndStep(StepTimer* timer, DecoderStep step) {
  if (timer != nullptr) timer->End(step);
}

}  // namespace inkling

#endif  // INKLING_SRC_DECODER_STEP_TIMER_H_
