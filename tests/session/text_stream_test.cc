// What is shown, what is held back, and that nothing has to be taken back.

#include "src/session/text_stream.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

// Everything that comes out when `text` arrives in chunks of `chunk` bytes.
std::string Shown(const std::vector<std::string>& stops, const std::string& text, size_t chunk) {
  TextStream stream(stops);
  std::string shown;
  for (size_t i = 0; i < text.size(); i += chunk) shown += stream.Push(text.substr(i, chunk));
  shown += stream.Flush();
  EXPECT_EQ(stream.shown_bytes(), shown.size());
  return shown;
}

TEST(TextStreamTest, WithoutStopStringsEverythingPassesAtOnce) {
  const std::vector<std::string> none;
  TextStream stream(none);
  EXPECT_EQ(stream.Push("abc"), "abc");
  EXPECT_EQ(stream.Flush(), "");
  EXPECT_FALSE(stream.stopped());
}

TEST(TextStreamTest, EndsInFrontOfTheFirstOccurrenceHoweverTheTextArrives) {
  const std::vector<std::string> stops = {"\nUser:", "END"};
  const std::string text = "Hello EN there\nUse it. END of\nUser: it";
  for (size_t chunk = 1; chunk <= text.size(); ++chunk) {
    EXPECT_EQ(Shown(stops, text, chunk), "Hello EN there\nUse it. ") << chunk;
  }
}

TEST(TextStreamTest, HoldsBackOnlyWhatCouldBecomeAStopString) {
  const std::vector<std::string> stops = {"<end>"};
  TextStream stream(stops);
  EXPECT_EQ(stream.Push("a <e"), "a ");
  EXPECT_EQ(stream.Push("x"), "<ex");
  EXPECT_EQ(stream.Push("<en"), "");
  EXPECT_EQ(stream.Push("d>"), "");
  EXPECT_TRUE(stream.stopped());
  EXPECT_EQ(stream.Push("more"), "");
  EXPECT_EQ(stream.Flush(), "");
}

TEST(TextStreamTest, OverlappingBeginningsAreFound) {
  const std::vector<std::string> stops = {"aab"};
  for (size_t chunk = 1; chunk <= 5; ++chunk)
    EXPECT_EQ(Shown(stops, "aaaab", chunk), "aa") << chunk;
}

TEST(TextStreamTest, FlushGivesWhatTurnedOutToBeNoStopString) {
  EXPECT_EQ(Shown({"<end>"}, "text <en", 3), "text <en");
}

TEST(TextStreamTest, BadStopStringsAreNamed) {
  EXPECT_OK(TextStream::Validate({"a", "\xC3\xA9"}));
  EXPECT_THAT(TextStream::Validate({"a", ""}),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"stop_strings[1]", "empty"}));
  EXPECT_THAT(TextStream::Validate({"ab\xA9"}),
              MatchesStatus(absl::StatusCode::kInvalidArgument,
                            {"stop_strings[0]", "not UTF-8", "byte 2"}));
}

}  // namespace
}  // namespace inkling
