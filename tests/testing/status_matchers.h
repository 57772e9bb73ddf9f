// Matchers and macros for absl::Status and absl::StatusOr in tests.
//
//   EXPECT_OK(reader->Open(path));
//   EXPECT_THAT(status, MatchesStatus(absl::StatusCode::kInvalidArgument, {"vocab_size",
//   "expected", "found -1"})); ASSERT_OK_AND_ASSIGN(std::unique_ptr<ModelReader> reader,
//   ModelReader::Open(path));

#ifndef INKLING_TESTS_TESTING_STATUS_MATCHERS_H_
#define INKLING_TESTS_TESTING_STATUS_MATCHERS_H_

#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace inkling {

inline const absl::Status& StatusOf(const absl::Status& status) { return status; }

template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

// Matches a status (or the status of a StatusOr) with this code whose message contains every one of
// the fragments.
class MatchesStatus {
 public:
  using is_gtest_matcher = void;

  explicit MatchesStatus(absl::StatusCode code, std::vector<std::string> fragments = {})
      : code_(code), fragments_(std::move(fragments)) {}

  template <typename T>
  bool MatchAndExplain(const T& value, std::ostream* explanation) const {
    const absl::Status& status = StatusOf(value);
    if (explanation != nullptr) *explanation << "whose status is " << status.ToString();
    if (status.code() != code_) return false;
    for (const std::string& fragment : fragments_) {
      if (std::string(status.message()).find(fragment) == std::string::npos) return false;
    }
    return true;
  }

  void DescribeTo(std::ostream* out) const {
    *out << "is " << absl::StatusCodeToString(code_);
    for (const std::string& fragment : fragments_) *out << ", mentions \"" << fragment << "\"";
  }

  void DescribeNegationTo(std::ostream* out) const {
    *out << "not: ";
    DescribeTo(out);
  }

 private:
  absl::StatusCode code_;
  std::vector<std::string> fragments_;
};

inline MatchesStatus IsOk() { return MatchesStatus(absl::StatusCode::kOk); }

}  // namespace inkling

#define EXPECT_OK(expression) EXPECT_THAT(expression, ::inkling::IsOk())
#define ASSERT_OK(expression) ASSERT_THAT(expression, ::inkling::IsOk())

#define INKLING_TEST_JOIN_(a, b) a##b
#define INKLING_TEST_JOIN(a, b) INKLING_TEST_JOIN_(a, b)
#define ASSERT_OK_AND_ASSIGN(declaration, expression) \
  ASSERT_OK_AND_ASSIGN_(declaration, expression, INKLING_TEST_JOIN(status_or_, __LINE__))
#define ASSERT_OK_AND_ASSIGN_(declaration, expression, result)        \
  auto result = (expression);                                         \
  ASSERT_TRUE(result.ok()) << #expression << ": " << result.status(); \
  declaration = std::move(result).value()

#endif  // INKLING_TESTS_TESTING_STATUS_MATCHERS_H_
