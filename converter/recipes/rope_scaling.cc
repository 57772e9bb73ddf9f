// The formulas follow transformers' modeling_rope_utils.py, computed in double and rounded once.

#include "converter/recipes/rope_scaling.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace inkling {
namespace {

// A table before it is rounded to float.
struct ScaledRope {
  std::vector<double> frequencies;
  std::vector<double> long_frequencies;  // empty: the same for every length
  double attention_factor = 1.0;         // of both
  int32_t long_from = 0;
};

// Su et al., 2021: theta^(-2i / rotary_dim).
std::vector<double> Frequencies(int32_t rotary_dim, double theta) {
  std::vector<double> frequencies(rotary_dim / 2);
  for (size_t i = 0; i < frequencies.size(); ++i) {
    frequencies[i] = std::pow(theta, -2.0 * static_cast<double>(i) / rotary_dim);
  }
  return frequencies;
}

// The length that a model was trained with, before its context was stretched. Beside the parameters
// it counts first, as in transformers.
int32_t OriginalLength(ConfigFields& parameters, const RopeBasis& basis) {
  const int32_t own = parameters.Size("original_max_position_embeddings", basis.context_length);
  return basis.original_length > 0 ? basis.original_length : own;
}

// A scaling's own parameters have no defaults.
double RequiredNumber(ConfigFields& parameters, absl::string_view key) {
  if (!parameters.Has(key)) parameters.Reject(key, "a positive number", "nothing");
  return parameters.PositiveNumber(key, 1.0);
}

void KeepUnscaled(ConfigFields&, const RopeBasis&, ScaledRope&) {}

// Frequencies that change with the length of each text once it is longer than the context, which
// no text here is.
void KeepWithinContext(ConfigFields& parameters, const RopeBasis& basis, ScaledRope&) {
  RequiredNumber(parameters, "factor");
  parameters.Note(absl::StrCat(parameters.Where("rope_type"),
                               " = dynamic changes the rotation of texts of more than ",
                               basis.context_length,
                               " tokens only, which are more than the model "
                               "file takes"));
}

// Position interpolation: Chen et al., 2023.
void ScaleLinearly(ConfigFields& parameters, const RopeBasis&, ScaledRope& rope) {
  const double factor = RequiredNumber(parameters, "factor");
  for (double& frequency : rope.frequencies) frequency /= factor;
}

// Llama 3.1: long wavelengths are divided by the factor, short ones kept, those between blended.
void ScaleByWavelength(ConfigFields& parameters, const RopeBasis& basis, ScaledRope& rope) {
  const double factor = RequiredNumber(parameters, "factor");
  const double low = RequiredNumber(parameters, "low_freq_factor");
  const double high = RequiredNumber(parameters, "high_freq_factor");
  const double original = OriginalLength(parameters, basis);
  if (high <= low) {
    parameters.Reject("high_freq_factor", absl::StrCat("more than low_freq_factor ", low),
                      absl::StrCat(high));
    return;
  }
  for (double& frequency : rope.frequencies) {
    const double wavelength = 2.0 * std::numbers::pi / frequency;
    if (wavelength > original / low) {
      frequency /= factor;
    } else if (wavelength >= original / high) {
      const double smooth = (original / wavelength - low) / (high - low);
      frequency = (1.0 - smooth) * frequency / factor + smooth * frequency;
    }
  }
}

// Peng et al., 2023, section 3.4: 0.1 ln(scale) + 1.
double YarnAttentionFactor(double scale, double weight) {
  return scale <= 1.0 ? 1.0 : 0.1 * weight * std::log(scale) + 1.0;
}

// YaRN: dimensions that turn `beta_fast` times within the original length keep their frequency,
// those that turn fewer than `beta_slow` times are divided by the factor, a ramp lies between.
void ScaleByRotations(ConfigFields& parameters, const RopeBasis& basis, ScaledRope& rope) {
  const int32_t original = OriginalLength(parameters, basis);
  // Null is no factor of its own, and missing an error, as in transformers.
  const double factor = parameters.IsNull("factor")
                            ? static_cast<double>(basis.context_length) / original
                            : RequiredNumber(parameters, "factor");
  const double fast = parameters.PositiveNumber("beta_fast", 32.0);
  const double slow = parameters.PositiveNumber("beta_slow", 1.0);
  const double theta = parameters.PositiveNumber("rope_theta", basis.theta);
  if (theta <= 1.0) {
    parameters.Reject("rope_theta", "more than 1 with yarn", absl::StrCat(theta));
    return;
  }
  const auto dimension = [&](double rotations) {
    return basis.rotary_dim * std::log(original / (rotations * 2.0 * std::numbers::pi)) /
           (2.0 * std::log(theta));
  };
  double first = dimension(fast);
  double last = dimension(slow);
  if (parameters.Bool("truncate", true)) {
    first = std::floor(first);
    last = std::ceil(last);
  }
  first = std::max(first, 0.0);
  last = std::min(last, basis.rotary_dim - 1.0);
  if (first == last) last += 0.001;
  for (size_t i = 0; i < rope.frequencies.size(); ++i) {
    const double ramp = std::clamp((static_cast<double>(i) - first) / (last - first), 0.0, 1.0);
    rope.frequencies[i] *= ramp / factor + (1.0 - ramp);
  }

  const bool has_weights = parameters.Has("mscale") && parameters.Has("mscale_all_dim");
  const double weight = has_weights ? parameters.Number("mscale", 0.0) : 0.0;
  const double all_weight = has_weights ? parameters.Number("mscale_all_dim", 0.0) : 0.0;
  const double default_factor =
      weight != 0.0 && all_weight != 0.0
          ? YarnAttentionFactor(factor, weight) / YarnAttentionFactor(factor, all_weight)
          : YarnAttentionFactor(factor, 1.0);
  rope.attention_factor = parameters.PositiveNumber("attention_factor", default_factor);
}

// The frequencies divided by the list `key`, one divisor each.
std::vector<double> Divided(ConfigFields& parameters, absl::string_view key,
                            const std::vector<double>& frequencies) {
  const std::vector<double> divisors = parameters.Numbers(key);
  const std::string expected = absl::StrCat("a list of ", frequencies.size(), " positive numbers");
  if (divisors.size() != frequencies.size()) {
    parameters.Reject(key, expected, absl::StrCat(divisors.size(), " numbers"));
    return frequencies;
  }
  std::vector<double> divided(frequencies.size());
  for (size_t i = 0; i < divided.size(); ++i) {
    if (divisors[i] <= 0.0) parameters.Reject(key, expected, absl::StrCat(divisors[i], " at ", i));
    divided[i] = frequencies[i] / divisors[i];
  }
  return divided;
}

// LongRoPE: Ding et al., 2024. Two sets of divisors; contexts longer than the original length take
// the second.
void ScaleByLength(ConfigFields& parameters, const RopeBasis& basis, ScaledRope& rope) {
  parameters.RejectIfSet("short_mscale", "attention factors that differ by length");
  parameters.RejectIfSet("long_mscale", "attention factors that differ by length");
  if (basis.original_length == 0 && !parameters.Has("original_max_position_embeddings")) {
    parameters.Reject("original_max_position_embeddings", "a whole number", "nothing");
  }
  rope.long_from = OriginalLength(parameters, basis);
  rope.long_frequencies = Divided(parameters, "long_factor", rope.frequencies);
  rope.frequencies = Divided(parameters, "short_factor", rope.frequencies);
  const double original = rope.long_from;
  const double factor = parameters.PositiveNumber("factor", basis.context_length / original);
  const double default_factor =
      factor <= 1.0 ? 1.0 : std::sqrt(1.0 + std::log(factor) / std::log(original));
  rope.attention_factor = parameters.PositiveNumber("attention_factor", default_factor);
}

struct Scaling {
  absl::string_view name;
  void (*apply)(ConfigFields& parameters, const RopeBasis& basis, ScaledRope& rope);
};

constexpr Scaling kScalings[] = {
    {"default", KeepUnscaled},      {"linear", ScaleLinearly},   {"llama3", ScaleByWavelength},
    {"yarn", ScaleByRotations},     {"longrope", ScaleByLength}, {"su", ScaleByLength},
    {"dynamic", KeepWithinContext},
};

constexpr char kScalingNames[] = "default, linear, dynamic, llama3, yarn or longrope";

// The object with the rotation's parameters. As in transformers, the older spelling counts where it
// says something.
ConfigFields RopeObject(const ConfigFields& fields) {
  const ConfigFields scaling = fields.Object("rope_scaling");
  if (!scaling.status().ok() || !scaling.IsEmpty()) return scaling;
  return fields.Object("rope_parameters");
}

std::string RopeType(ConfigFields parameters) {
  // "type" is the spelling before transformers 4.43.
  return parameters.String(parameters.Has("rope_type") ? "rope_type" : "type", "default");
}

// partial_rotary_factor, beside the parameters or among them.
double ReadPartialFactor(ConfigFields& fields, double default_factor) {
  constexpr char kKey[] = "partial_rotary_factor";
  ConfigFields parameters = RopeObject(fields);
  const double own = parameters.PositiveNumber(kKey, default_factor);
  const double beside = fields.PositiveNumber(kKey, own);
  if (parameters.Has(kKey) && beside != own) {
    fields.Reject(kKey, absl::StrCat(own, ", as ", parameters.Where(kKey), " has"),
                  absl::StrCat(beside));
  }
  fields.Merge(parameters);
  return beside;
}

void ApplyScaling(ConfigFields& parameters, const RopeBasis& basis, ScaledRope& rope) {
  if (!parameters.Has("rope_type") && !parameters.Has("type") && parameters.Has("factor")) {
    return parameters.Reject("rope_type", kScalingNames, "nothing");
  }
  std::string type = RopeType(parameters);
  const bool has_lists = parameters.Has("short_factor") && parameters.Has("long_factor");
  if (basis.yarn_may_be_longrope && type == "yarn" && has_lists) type = "longrope";
  for (const Scaling& scaling : kScalings) {
    if (scaling.name == type) return scaling.apply(parameters, basis, rope);
  }
  parameters.Reject("rope_type", kScalingNames, type);
}

}  // namespace

int32_t ReadRotaryDim(ConfigFields& fields, int32_t head_dim, double default_factor) {
  const double factor = ReadPartialFactor(fields, default_factor);
  const int32_t rotary_dim = factor <= 1.0 ? static_cast<int32_t>(head_dim * factor) : 0;
  if (rotary_dim >= 2 && rotary_dim % 2 == 0) return rotary_dim;
  fields.Reject("partial_rotary_factor",
                absl::StrCat("an even number of the ", head_dim, " dimensions of a head"),
                absl::StrCat(head_dim * factor));
  return 2;
}

int32_t ReadWholeRotaryDim(ConfigFields& fields, int32_t head_dim) {
  if (head_dim % 2 != 0) {
    fields.Reject("head_dim", "an even number, so that its dimensions rotate in pairs",
                  absl::StrCat(head_dim, " dimensions"));
    return 2;
  }
  const double factor = ReadPartialFactor(fields, 1.0);
  if (factor == 1.0) return head_dim;
  const ConfigFields parameters = RopeObject(fields);
  const std::string type = RopeType(parameters);
  if (type != "default") {
    fields.Reject("partial_rotary_factor",
                  absl::StrCat("1 beside the rotation's scaling ", type, " in this family"),
                  absl::StrCat(factor));
  }
  fields.Note(absl::StrCat(fields.Where("partial_rotary_factor"), " = ", factor,
                           " isn't used in models of this family, whose heads rotate whole, as in "
                           "transformers"));
  return head_dim;
}

RopeTableConfig UnscaledRopeTable(int32_t rotary_dim, double theta) {
  const std::vector<double> frequencies = Frequencies(rotary_dim, theta);
  RopeTableConfig table;
  table.frequencies.assign(frequencies.begin(), frequencies.end());
  return table;
}

RopeTableConfig ReadRopeParameters(ConfigFields& parameters, const RopeBasis& basis) {
  ScaledRope rope;
  rope.frequencies =
      Frequencies(basis.rotary_dim, parameters.PositiveNumber("rope_theta", basis.theta));
  ApplyScaling(parameters, basis, rope);

  RopeTableConfig table;
  table.frequencies.assign(rope.frequencies.begin(), rope.frequencies.end());
  table.attention_factor = static_cast<float>(rope.attention_factor);
  if (rope.long_frequencies.empty()) return table;
  table.long_frequencies.assign(rope.long_frequencies.begin(), rope.long_frequencies.end());
  table.long_attention_factor = table.attention_factor;
  table.long_from = rope.long_from;
  return table;
}

RopeTableConfig ReadRopeTable(ConfigFields& fields, RopeBasis basis) {
  ConfigFields parameters = RopeObject(fields);
  for (const char* kind : {"full_attention", "sliding_attention"}) {
    if (!parameters.Has(kind)) continue;
    parameters.Reject(kind, "one rotation for all layers of this family",
                      "one for each kind of layer");
  }
  basis.theta = fields.PositiveNumber("rope_theta", basis.theta);
  basis.original_length = fields.Count("original_max_position_embeddings", basis.original_length);
  RopeTableConfig table = ReadRopeParameters(parameters, basis);
  fields.Merge(parameters);
  return table;
}

}  // namespace inkling
