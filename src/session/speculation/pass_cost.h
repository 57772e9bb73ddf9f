// PassCost: how much longer a pass of the model takes with every row beside the first.
//
// Reading the weights takes most of a pass of one row, and further rows share that. How much they
// add depends on the type of the weights, on the CPU and on what else runs there, so it is measured
// while a session generates. It decides how long drafts are and nothing else: text doesn't depend
// on any time.

#ifndef INKLING_SRC_SESSION_SPECULATION_PASS_COST_H_
#define INKLING_SRC_SESSION_SPECULATION_PASS_COST_H_

#include <chrono>
#include <cstddef>

namespace inkling {

class PassCost {
 public:
  PassCost();

  // The time of a pass of `rows` (1 or more) in units of the time of a pass of one.
  double Relative(size_t rows) const { return 1.0 + row_cost_ * static_cast<double>(rows - 1); }

  // A pass of one row in seconds; 0 before one was reported.
  double single_seconds() const { return single_seconds_; }

  // How long a pass took that gave each of its rows logits.
  void Report(size_t rows, double seconds);

  // Runs `pass`, which returns a Status or StatusOr, and reports its time if it succeeds.
  template <typename Pass>
  auto Measure(size_t rows, const Pass& pass) {
    const auto begin = std::chrono::steady_clock::now();
    auto result = pass();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    if (result.ok()) Report(rows, seconds.count());
    return result;
  }

 private:
  double single_seconds_ = 0;
  double row_cost_;  // of one more row, in units of a pass of one
};

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_SPECULATION_PASS_COST_H_
