// InForkedChild: runs a piece of a test in a child of this process, made by fork(), and never waits
// for one that hangs.

#ifndef INKLING_TESTS_TESTING_FORKED_CHILD_H_
#define INKLING_TESTS_TESTING_FORKED_CHILD_H_

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>

#include "absl/functional/function_ref.h"

namespace inkling {

// Tests whose children start threads skip where this is true.
#if defined(__SANITIZE_THREAD__) || defined(INKLING_TESTS_RUN_EMULATED)
inline constexpr bool kForkedChildrenStartNoThreads = true;
#else
inline constexpr bool kForkedChildrenStartNoThreads = false;
#endif
inline constexpr char kWhyTheyStartNone[] =
    "neither ThreadSanitizer nor qemu can start threads in the child of a process that has some";

// Calls `body` in a child, which has `seconds` for it. Empty if it came to its end and no
// expectation failed there; otherwise what happened.
inline std::string InForkedChild(absl::FunctionRef<void()> body, unsigned seconds = 60) {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) return "fork failed";
  if (child == 0) {
    alarm(seconds);
    body();
    std::fflush(nullptr);
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child) return "waitpid failed";
  if (WIFSIGNALED(status)) {
    const int number = WTERMSIG(status);
    return number == SIGALRM ? "the child hung"
                             : "the child died of signal " + std::to_string(number);
  }
  return WEXITSTATUS(status) == 0 ? "" : "the child failed, see above";
}

}  // namespace inkling

#endif  // INKLING_TESTS_TESTING_FORKED_CHILD_H_
