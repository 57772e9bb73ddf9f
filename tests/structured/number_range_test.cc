// Numbers with bounds against comparing them: integers around every border, and decimals.

#include "src/structured/number_range.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "src/structured/json_schema.h"
#include "tests/structured/grammar_texts.h"

namespace inkling {
namespace {

std::shared_ptr<const CompiledGrammar> Compiled(const std::string& schema) {
  absl::StatusOr<Grammar> grammar = GrammarOfJsonSchema(schema, JsonSpacing::kNone);
  if (!grammar.ok()) return nullptr;
  auto compiled = CompiledGrammar::Make(*std::move(grammar), ByteVocabulary());
  return compiled.ok() ? *compiled : nullptr;
}

struct Bounds {
  std::optional<int64_t> low, high;  // in hundredths, so that comparing is exact
  bool low_is_exclusive = false;
  bool high_is_exclusive = false;

  bool Has(int64_t value) const {
    if (low.has_value() && (value < *low || (low_is_exclusive && value == *low))) return false;
    return !high.has_value() || value < *high || (!high_is_exclusive && value == *high);
  }
  std::string Schema(const char* type, const std::string& low_text,
                     const std::string& high_text) const {
    std::string schema = absl::StrCat("{\"type\":\"", type, "\"");
    if (low.has_value()) {
      absl::StrAppend(&schema,
                      low_is_exclusive ? ",\"exclusiveMinimum\":" : ",\"minimum\":", low_text);
    }
    if (high.has_value()) {
      absl::StrAppend(&schema,
                      high_is_exclusive ? ",\"exclusiveMaximum\":" : ",\"maximum\":", high_text);
    }
    return schema + "}";
  }
};

// A hundredth as JSON writes it: 5 is 0.05, -120 is -1.20 or, shortened, -1.2.
std::string Written(int64_t hundredths, bool shortened) {
  const uint64_t size = static_cast<uint64_t>(std::abs(hundredths));
  std::string text =
      absl::StrFormat("%s%d.%02d", hundredths < 0 ? "-" : "", size / 100, size % 100);
  if (!shortened) return text;
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

Bounds RandomBounds(std::mt19937& random, int64_t most) {
  const auto value = [&] {
    const int64_t size = static_cast<int64_t>(random() % static_cast<uint64_t>(2 * most + 1));
    return size - most;
  };
  Bounds bounds;
  if (random() % 4 != 0) bounds.low = value();
  if (random() % 4 != 0) bounds.high = value();
  bounds.low_is_exclusive = random() % 2 == 0;
  bounds.high_is_exclusive = random() % 2 == 0;
  return bounds;
}

TEST(NumberRangeTest, IntegersAreThoseBetween) {
  std::mt19937 random(3);
  for (int round = 0; round < 80; ++round) {
    const Bounds bounds = RandomBounds(random, round % 3 == 0 ? 12 : 1200);
    const std::string schema = bounds.Schema("integer", absl::StrCat(bounds.low.value_or(0)),
                                             absl::StrCat(bounds.high.value_or(0)));
    const auto compiled = Compiled(schema);
    bool has_any = false;
    for (int64_t value = -1300; value <= 1300; ++value) {
      has_any |= bounds.Has(value);
      if (compiled == nullptr) continue;
      ASSERT_EQ(Allows(compiled, absl::StrCat(value)), bounds.Has(value)) << schema << " " << value;
    }
    EXPECT_EQ(compiled != nullptr, has_any) << schema;
    if (compiled == nullptr) continue;
    for (const char* text : {"01", "-01", "+1", "1.0", "1e1", "", "-", "1 "}) {
      EXPECT_FALSE(Allows(compiled, text)) << schema << text;
    }
    EXPECT_EQ(Allows(compiled, "123456789012345678901234567890"), !bounds.high.has_value());
    EXPECT_EQ(Allows(compiled, "-123456789012345678901234567890"), !bounds.low.has_value());
  }
}

TEST(NumberRangeTest, DecimalsAreThoseBetween) {
  std::mt19937 random(4);
  for (int round = 0; round < 30; ++round) {
    const Bounds bounds = RandomBounds(random, round % 3 == 0 ? 150 : 1500);
    const std::string schema = bounds.Schema("number", Written(bounds.low.value_or(0), true),
                                             Written(bounds.high.value_or(0), true));
    const auto compiled = Compiled(schema);
    bool has_any = false;
    for (int64_t value = -1600; value <= 1600; ++value) {
      has_any |= bounds.Has(value);
      if (compiled == nullptr) continue;
      const bool fits = bounds.Has(value);
      ASSERT_EQ(Allows(compiled, Written(value, true)), fits) << schema << " " << value;
      ASSERT_EQ(Allows(compiled, Written(value, false)), fits) << schema << " " << value;
      // More digits: the same value, and one that lies between this and the next.
      ASSERT_EQ(Allows(compiled, Written(value, false) + "000"), fits) << schema << " " << value;
    }
    EXPECT_TRUE(compiled != nullptr || !has_any) << schema;
  }
}

struct Case {
  const char* schema;
  const char* text;
  bool allowed;
};

TEST(NumberRangeTest, Borders) {
  const Case cases[] = {
      {R"({"type":"number","minimum":0})", "0", true},
      {R"({"type":"number","minimum":0})", "-0.1", false},
      {R"({"type":"number","exclusiveMinimum":0,"exclusiveMaximum":1})", "0.999999999999", true},
      {R"({"type":"number","exclusiveMinimum":0,"exclusiveMaximum":1})", "0.0000000000001", true},
      {R"({"type":"number","exclusiveMinimum":0,"exclusiveMaximum":1})", "1", false},
      {R"({"type":"number","exclusiveMinimum":0,"exclusiveMaximum":1})", "1.0", false},
      {R"({"type":"number","exclusiveMinimum":0,"exclusiveMaximum":1})", "0.000", false},
      {R"({"type":"number","maximum":1e2})", "100", true},
      {R"({"type":"number","maximum":1e2})", "100.01", false},
      {R"({"type":"number","maximum":1.5e-3})", "0.0015", true},
      {R"({"type":"number","maximum":1.5e-3})", "0.00151", false},
      {R"({"type":"number","minimum":123456789012345678901234567890})",
       "123456789012345678901234567889", false},
      {R"({"type":"number","minimum":123456789012345678901234567890})",
       "123456789012345678901234567890", true},
      {R"({"type":"integer","minimum":0.5,"maximum":1.5})", "1", true},
      {R"({"type":"integer","minimum":0.5,"maximum":1.5})", "0", false},
      {R"({"type":"integer","minimum":-0.5,"maximum":0.5})", "0", true},
      {R"({"type":"integer","exclusiveMinimum":-1.5})", "-1", true},
      {R"({"type":"integer","exclusiveMinimum":-1.5})", "-2", false},
      {R"({"type":"integer","minimum":-100,"maximum":-7})", "-7", true},
      {R"({"type":"integer","minimum":-100,"maximum":-7})", "-101", false},
      {R"({"type":"number"})", "1e5", true},
      {R"({"type":"number"})", "-1.25E-10", true},
      {R"({"type":"number","minimum":1})", "1e5", false},  // bounds: no exponents
  };
  for (const Case& c : cases) {
    const auto compiled = Compiled(c.schema);
    ASSERT_NE(compiled, nullptr) << c.schema;
    EXPECT_EQ(Allows(compiled, c.text), c.allowed) << c.schema << " " << c.text;
  }
  EXPECT_EQ(Compiled(R"({"type":"integer","exclusiveMinimum":1,"exclusiveMaximum":2})"), nullptr);
  EXPECT_EQ(Compiled(R"({"type":"number","exclusiveMinimum":1,"exclusiveMaximum":1})"), nullptr);
  EXPECT_EQ(Compiled(absl::StrCat(R"({"type":"number","minimum":1)", std::string(100, '0'), "}")),
            nullptr);  // more than 100 digits
}

}  // namespace
}  // namespace inkling
