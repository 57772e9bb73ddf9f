// A number is compared with a bound digit by digit: as long as it is the bound's beginning it is
// "tight", and then any digit goes.

#include "src/structured/number_range.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace inkling {
namespace {

constexpr size_t kMaxDigits = 100;

// A bound's magnitude: digits in front of the point, without leading zeros, and behind it, without
// zeros at the end.
struct Magnitude {
  std::string whole;  // "" is 0
  std::string fraction = {};
  bool is_exclusive = false;
};

class RangeWriter {
 public:
  RangeWriter(Grammar& grammar, bool integers_only)
      : grammar_(grammar), integers_only_(integers_only) {}

  // Magnitudes from low to high, or without end.
  ExprId Range(const Magnitude& low, const std::optional<Magnitude>& high);

 private:
  struct Edge {
    const Magnitude* low;  // null: not tight
    const Magnitude* high;
  };

  ExprId Digit(int first, int last) {
    if (first > last) return grammar_.Never();
    return grammar_.Bytes(
        ByteSet::Range(static_cast<uint8_t>('0' + first), static_cast<uint8_t>('0' + last)));
  }
  ExprId AnyDigits() { return grammar_.Repeat(Digit(0, 9), 0, kUnbounded); }
  ExprId WholeOfLength(size_t length, Edge edge);
  ExprId Whole(size_t i, size_t length, Edge edge);
  ExprId Behind(Edge edge);
  ExprId Fraction(size_t i, Edge edge);
  ExprId FractionTail(Edge edge);
  static bool MayEnd(size_t i, Edge edge);

  Grammar& grammar_;
  const bool integers_only_;
};

// Whether the fraction may end behind digit i.
bool RangeWriter::MayEnd(size_t i, Edge edge) {
  if (edge.low != nullptr && (i < edge.low->fraction.size() || edge.low->is_exclusive)) {
    return false;
  }
  return edge.high == nullptr || i < edge.high->fraction.size() || !edge.high->is_exclusive;
}

// All digits of the bounds are used up; what is left of them is zeros.
ExprId RangeWriter::FractionTail(Edge edge) {
  std::vector<ExprId> choices;
  const ExprId zeros = grammar_.Repeat(Digit(0, 0), 0, kUnbounded);
  if (edge.low == nullptr && edge.high == nullptr) return AnyDigits();
  if (MayEnd(kMaxDigits * 200, edge)) choices.push_back(zeros);
  if (edge.high == nullptr) {
    choices.push_back(grammar_.Sequence({zeros, Digit(1, 9), AnyDigits()}));
  }
  return grammar_.Choice(std::move(choices));
}

// Digits of the fraction from digit i on.
ExprId RangeWriter::Fraction(size_t i, Edge edge) {
  const size_t low_size = edge.low != nullptr ? edge.low->fraction.size() : 0;
  const size_t high_size = edge.high != nullptr ? edge.high->fraction.size() : 0;
  if (i >= std::max(low_size, high_size)) return FractionTail(edge);
  const int low = edge.low == nullptr || i >= low_size ? 0 : edge.low->fraction[i] - '0';
  const int high = edge.high == nullptr ? 9 : i >= high_size ? 0 : edge.high->fraction[i] - '0';
  std::vector<ExprId> choices;
  if (MayEnd(i, edge)) choices.push_back(grammar_.Empty());
  if (edge.low != nullptr && edge.high != nullptr && low == high) {
    choices.push_back(grammar_.Sequence({Digit(low, low), Fraction(i + 1, edge)}));
    return grammar_.Choice(std::move(choices));
  }
  int first = low;
  int last = high;
  if (edge.low != nullptr && low <= high) {
    choices.push_back(grammar_.Sequence({Digit(low, low), Fraction(i + 1, {edge.low, nullptr})}));
    ++first;
  }
  if (edge.high != nullptr && low <= high) {
    choices.push_back(
        grammar_.Sequence({Digit(high, high), Fraction(i + 1, {nullptr, edge.high})}));
    --last;
  }
  choices.push_back(grammar_.Sequence({Digit(first, last), AnyDigits()}));
  return grammar_.Choice(std::move(choices));
}

// What may follow the digits in front of the point.
ExprId RangeWriter::Behind(Edge edge) {
  std::vector<ExprId> choices;
  if (MayEnd(0, edge)) choices.push_back(grammar_.Empty());
  if (!integers_only_) {
    // The digits behind the point may be none by Fraction's count; JSON wants one. A zero changes
    // nothing where the text may end.
    const ExprId digits = Fraction(0, edge);
    choices.push_back(grammar_.Sequence({grammar_.Literal("."), grammar_.AtLeastOneByte(digits)}));
  }
  return grammar_.Choice(std::move(choices));
}

// Digits in front of the point from digit i on; both bounds have `length` of them where tight.
ExprId RangeWriter::Whole(size_t i, size_t length, Edge edge) {
  if (i == length) return Behind(edge);
  const int low = edge.low != nullptr ? edge.low->whole[i] - '0' : (i == 0 && length > 0 ? 1 : 0);
  const int high = edge.high != nullptr ? edge.high->whole[i] - '0' : 9;
  const uint32_t rest = static_cast<uint32_t>(length - i - 1);
  if (edge.low != nullptr && edge.high != nullptr && low == high) {
    return grammar_.Sequence({Digit(low, low), Whole(i + 1, length, edge)});
  }
  std::vector<ExprId> choices;
  int first = low;
  int last = high;
  if (edge.low != nullptr && low <= high) {
    choices.push_back(
        grammar_.Sequence({Digit(low, low), Whole(i + 1, length, {edge.low, nullptr})}));
    ++first;
  }
  if (edge.high != nullptr && low <= high) {
    choices.push_back(
        grammar_.Sequence({Digit(high, high), Whole(i + 1, length, {nullptr, edge.high})}));
    --last;
  }
  choices.push_back(grammar_.Sequence(
      {Digit(first, last), grammar_.Repeat(Digit(0, 9), rest, rest), Behind({nullptr, nullptr})}));
  return grammar_.Choice(std::move(choices));
}

ExprId RangeWriter::WholeOfLength(size_t length, Edge edge) {
  if (length == 0) return grammar_.Sequence({grammar_.Literal("0"), Behind(edge)});
  return Whole(0, length, edge);
}

ExprId RangeWriter::Range(const Magnitude& low, const std::optional<Magnitude>& high) {
  std::vector<ExprId> choices;
  const size_t low_length = low.whole.size();
  if (!high.has_value()) {
    choices.push_back(WholeOfLength(low_length, {&low, nullptr}));
    choices.push_back(grammar_.Sequence(
        {Digit(1, 9), grammar_.Repeat(Digit(0, 9), static_cast<uint32_t>(low_length), kUnbounded),
         Behind({nullptr, nullptr})}));
    return grammar_.Choice(std::move(choices));
  }
  const size_t high_length = high->whole.size();
  if (low_length > high_length) return grammar_.Never();
  if (low_length == high_length) return WholeOfLength(low_length, {&low, &*high});
  choices.push_back(WholeOfLength(low_length, {&low, nullptr}));
  for (size_t length = low_length + 1; length < high_length; ++length) {
    choices.push_back(WholeOfLength(length, {nullptr, nullptr}));
  }
  choices.push_back(WholeOfLength(high_length, {nullptr, &*high}));
  return grammar_.Choice(std::move(choices));
}

// Adds one to, or (not below 0) takes one from, a whole number.
void AddOne(std::string& whole) {
  for (size_t i = whole.size(); i-- > 0;) {
    if (whole[i] != '9') {
      ++whole[i];
      return;
    }
    whole[i] = '0';
  }
  whole.insert(0, "1");
}

void TakeOne(std::string& whole) {
  for (size_t i = whole.size(); i-- > 0;) {
    if (whole[i] != '0') {
      --whole[i];
      break;
    }
    whole[i] = '9';
  }
  whole.erase(0, whole.find_first_not_of('0') == std::string::npos ? whole.size()
                                                                   : whole.find_first_not_of('0'));
}

Magnitude MagnitudeOf(const NumberBound& bound) {
  Magnitude made = {.whole = bound.value.digits, .is_exclusive = bound.is_exclusive};
  const int64_t exponent = bound.value.exponent;
  if (exponent >= 0) {
    made.whole.append(static_cast<size_t>(exponent), '0');
    return made;
  }
  const size_t behind = static_cast<size_t>(-exponent);
  if (made.whole.size() < behind) made.whole.insert(0, behind - made.whole.size(), '0');
  made.fraction = made.whole.substr(made.whole.size() - behind);
  made.whole.resize(made.whole.size() - behind);
  return made;
}

// For integers: the next whole number inside of the range. False if there is none below.
bool RoundInside(Magnitude& bound, bool is_low) {
  if (is_low && (!bound.fraction.empty() || bound.is_exclusive)) AddOne(bound.whole);
  if (!is_low && bound.is_exclusive && bound.fraction.empty()) {
    if (bound.whole.empty()) return false;
    TakeOne(bound.whole);
  }
  bound.fraction.clear();
  bound.is_exclusive = false;
  return true;
}

// Magnitudes between the bounds; a missing lower one is zero.
ExprId MagnitudeRange(Grammar& grammar, Magnitude low, std::optional<Magnitude> high,
                      bool integers_only) {
  if (integers_only) {
    RoundInside(low, true);
    if (high.has_value() && !RoundInside(*high, false)) return grammar.Never();
  }
  if (high.has_value()) {
    const auto key = [](const Magnitude& m) { return std::make_pair(m.whole.size(), m.whole); };
    const bool same = low.whole == high->whole && low.fraction == high->fraction;
    if (key(low) > key(*high) || (low.whole == high->whole && low.fraction > high->fraction) ||
        (same && (low.is_exclusive || high->is_exclusive))) {
      return grammar.Never();
    }
  }
  return RangeWriter(grammar, integers_only).Range(low, high);
}

}  // namespace

absl::StatusOr<ExprId> NumberRange(Grammar& grammar, std::optional<NumberBound> low,
                                   std::optional<NumberBound> high, bool integers_only) {
  for (const std::optional<NumberBound>* bound : {&low, &high}) {
    if (!bound->has_value()) continue;
    const Decimal& value = (*bound)->value;
    const int64_t digits = static_cast<int64_t>(value.digits.size());
    if (digits + std::max<int64_t>(value.exponent, 0) > static_cast<int64_t>(kMaxDigits) ||
        -value.exponent > static_cast<int64_t>(kMaxDigits)) {
      return absl::InvalidArgumentError(
          absl::StrCat("a bound of more than ", kMaxDigits, " digits"));
    }
  }
  const Magnitude zero;
  std::vector<ExprId> choices;
  if (!high.has_value() || !high->value.negative) {
    const Magnitude from = low.has_value() && !low->value.negative ? MagnitudeOf(*low) : zero;
    std::optional<Magnitude> to;
    if (high.has_value()) to = MagnitudeOf(*high);
    choices.push_back(MagnitudeRange(grammar, from, to, integers_only));
  }
  if (!low.has_value() || low->value.negative) {
    // Mirrored: the lower bound limits the magnitude from above.
    const Magnitude from = high.has_value() && high->value.negative ? MagnitudeOf(*high) : zero;
    const bool zero_fits = !high.has_value() || high->value.negative ||
                           !high->value.digits.empty() || !high->is_exclusive;
    Magnitude begin = from;
    if (!zero_fits) begin.is_exclusive = true;
    std::optional<Magnitude> to;
    if (low.has_value()) to = MagnitudeOf(*low);
    choices.push_back(grammar.Sequence(
        {grammar.Literal("-"), MagnitudeRange(grammar, begin, to, integers_only)}));
  }
  return grammar.Choice(std::move(choices));
}

}  // namespace inkling
