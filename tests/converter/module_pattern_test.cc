// Keys of rank_pattern and alpha_pattern. module_pattern_oracle_test.py holds them against Python's
// re, too.

#include "converter/lora/module_pattern.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

using absl::StatusCode;

constexpr char kQuery[] = "model.layers.11.self_attn.q_proj";

bool Matches(const std::string& key, const std::string& module) {
  const absl::StatusOr<ModulePattern> pattern = ModulePattern::Make(key);
  EXPECT_OK(pattern) << key;
  if (!pattern.ok()) return false;
  const absl::StatusOr<bool> matches = pattern->Matches(module);
  EXPECT_OK(matches) << key;
  return matches.ok() && *matches;
}

TEST(ModulePatternTest, MatchesAsPeftDoes) {
  for (const char* key : {"q_proj",
                          "self_attn.q_proj",
                          "model.layers.11.self_attn.q_proj",
                          R"(.*\.q_proj)",
                          ".*",
                          R"(layers\.(0|11)\.self_attn\.[qkv]_proj)",
                          R"(layers\.\d+\.self_attn\.(q|k)_proj)",
                          "^model.layers.11.self_attn.q_proj",
                          "k_proj|q_proj",
                          "^k_proj|q_proj",
                          R"(\Amodel.*_proj\Z)",
                          R"(model\.layers\.[0-9]{1,2}\..+)",
                          R"(layers.1{2}.self_attn.q_proj$)",
                          "(?:q|v)_proj",
                          "(?P<matrix>q|v)_proj",
                          R"([^.]+_proj)",
                          R"(layers\.1{,3}\.\w+\.\w+)",
                          R"([]q]_proj)",
                          R"(\x71_proj)",
                          "q_proj?",
                          R"(model\.(\w+\.)*q_proj)",
                          ".*?q_proj"}) {
    EXPECT_TRUE(Matches(key, kQuery)) << key;
  }
  for (const char* key :
       {"proj", "_proj", "q_pro", "attn.q_proj", "^layers.*q_proj", "^q_proj|k_proj",
        R"(layers\.1\.self_attn\.q_proj)", "q_proj{", "", "Q_PROJ", R"([^q]_proj)",
        R"(layers\.1{3}\.self_attn\.q_proj)", "q_proj{}"}) {
    EXPECT_FALSE(Matches(key, kQuery)) << key;
  }
  EXPECT_TRUE(Matches("q{}", "a.q{}"));
  EXPECT_TRUE(Matches("q{x,1}", "q{x,1}"));
  EXPECT_TRUE(Matches("", "model."));
}

TEST(ModulePatternTest, WhatIsNotSupportedIsNamed) {
  const struct {
    const char* key;
    StatusCode code;
    const char* message;
  } kCases[] = {
      {R"((q)\1_proj)", StatusCode::kUnimplemented, R"('\1' (an earlier group's text))"},
      {"(?P<m>q)(?P=m)", StatusCode::kUnimplemented, "begins with '(?'"},
      {"(?=q)q_proj", StatusCode::kUnimplemented, "'(?=' (looking around)"},
      {"(?<!k)_proj", StatusCode::kUnimplemented, "'(?<!' (looking around)"},
      {"(?i)Q_PROJ", StatusCode::kUnimplemented, "begins with '(?'"},
      {R"(\bq_proj)", StatusCode::kUnimplemented, R"('\b' (a word's edge))"},
      {R"(\161_proj)", StatusCode::kUnimplemented, R"('\1')"},
      {R"(\0161)", StatusCode::kUnimplemented, "octal"},
      {"(^q|k)_proj", StatusCode::kUnimplemented, "an anchor that isn't at the beginning"},
      {"(q_proj", StatusCode::kInvalidArgument, "a '(' without ')'"},
      {"q_proj)", StatusCode::kInvalidArgument, "a ')' without '('"},
      {"[q_proj", StatusCode::kInvalidArgument, "a '[' without ']'"},
      {"*q_proj", StatusCode::kInvalidArgument, "'*' with nothing to repeat"},
      {"q++", StatusCode::kInvalidArgument, "a quantifier behind a quantifier"},
      {"[z-a]", StatusCode::kInvalidArgument, "a range that ends before it begins"},
      {"q\\", StatusCode::kInvalidArgument, "a '\\' with nothing behind it"},
      {"\xff", StatusCode::kInvalidArgument, "UTF-8"},
  };
  for (const auto& it : kCases)
    EXPECT_THAT(ModulePattern::Make(it.key), MatchesStatus(it.code, {it.message})) << it.key;
  EXPECT_THAT(ModulePattern::Make("[]q](?=k)"),
              MatchesStatus(StatusCode::kUnimplemented, {R"(read as [\]q](?=k))"}));
  EXPECT_THAT(ModulePattern::Make(std::string(5000, 'q')),
              MatchesStatus(StatusCode::kInvalidArgument, {"at most 4096 bytes, found 5000"}));
  ASSERT_OK_AND_ASSIGN(const ModulePattern pattern, ModulePattern::Make(".*"));
  EXPECT_THAT(pattern.Matches("caf\xc3\xa9"),
              MatchesStatus(StatusCode::kInvalidArgument, {"printable ASCII"}));
}

// Each would take a backtracking matcher longer than anybody waits.
TEST(ModulePatternTest, HostilePatternsEndSoon) {
  const std::string module = std::string(60, 'a') + "!";
  std::string nested = "a";
  for (int i = 0; i < 60; ++i) nested = absl::StrCat("(", nested, ")*");
  std::string optional;
  for (int i = 0; i < 30; ++i) optional += "a?";
  const std::vector<std::string> keys = {"(a*)*b",
                                         "(a|a)*b",
                                         "(a|aa)+$",
                                         "(.*)*b",
                                         nested + "b",
                                         optional + std::string(30, 'a') + "b",
                                         "(a|b)*a(a|b){12}b",
                                         "((a{1,100}){1,100}){1,100}b",
                                         "(((a?){20}){20}){20}b",
                                         ".*a.*a.*a.*a.*a.*a.*a.*a.*a.*b",
                                         "(a{1,1000000})b",
                                         "(a|b)*a(a|b){40}",
                                         "((a*a*)*(a*a*)*)*b"};
  for (const std::string& key : keys) {
    const auto begin = std::chrono::steady_clock::now();
    const absl::StatusOr<ModulePattern> pattern = ModulePattern::Make(key);
    if (pattern.ok()) {
      const absl::StatusOr<bool> matches = pattern->Matches(module);
      if (matches.ok())
        EXPECT_FALSE(*matches) << key;
      else
        EXPECT_EQ(matches.status().code(), StatusCode::kResourceExhausted) << key;
    } else {
      EXPECT_EQ(pattern.status().code(), StatusCode::kResourceExhausted) << key << pattern.status();
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    EXPECT_LT(took.count(), 10) << key;  // milliseconds, but for slow machines
  }
}

}  // namespace
}  // namespace inkling
