// PassCost: how much longer a pass of the model takes with every row beside the first.
//
// Reading the weights takes most of a pass of one row, and further rows share that; how much they
// add depends on the type of the weights, the CPU and what else it does, so it is measured while a
// session generates. It decides how many tokens are worth speculation and nothing else: text
// doesn't depend on any time.

#ifndef INKLING_SRC_SESSION_PASS_COST_H_
#define INKLING_SRC_SESSION_PASS_COST_H_

#include <cstddef>

namespace inkling {

class PassCost {
 public:
  PassCost();

  // The time of a pass of `rows` (1 or more) in units of the time of a pass of one.
  double Relative(size_t rows) const { return 1.0 + row_cost_ * static_cast<double>(rows - 1); }

  // A pass of one row in seconds; 0 before one was reported.
  double single_seconds() const { return single_seconds_; }

  // How long a pass took.
  void Report(size_t rows, double seconds);

 private:
  double single_seconds_ = 0;
  double row_cost_;  // of one more row, in units of a pass of one
};

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_PASS_COST_H_
