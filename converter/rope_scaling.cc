// The formulas follow transformers' modeling_rope_utils.py, computed in double and rounded once.

#include "converter/rope_scaling.h"

#include <cmath>
#include <cstdint>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace inkling {
namespace {

// Su et al., 2021: theta^(-2i / rotary_dim).
std::vector<double> Frequencies(int32_t rotary_dim, double theta) {
  std::vector<double> frequencies(rotary_dim / 2);
  for (size_t i = 0; i < frequencies.size(); ++i) {
    frequencies[i] = std::pow(theta, -2.0 * static_cast<double>(i) / rotary_dim);
  }
  return frequencies;
}

double PositiveNumber(ConfigFields& fields, absl::string_view key, double default_value) {
  const double value = fields.Number(key, default_value);
  if (value > 0) return value;
  fields.Reject(key, "a positive number", absl::StrCat(value));
  return 1.0;
}

// A scaling's own parameters have no defaults.
double RequiredNumber(ConfigFields& scaling, absl::string_view key) {
  if (!scaling.Has(key)) scaling.Reject(key, "a positive number", "nothing");
  return PositiveNumber(scaling, key, 1.0);
}

// Position interpolation: Chen et al., 2023.
void ScaleLinearly(ConfigFields& scaling, std::vector<double>& frequencies) {
  const double factor = RequiredNumber(scaling, "factor");
  for (double& frequency : frequencies) frequency /= factor;
}

// Llama 3.1: long wavelengths are divided by the factor, short ones kept, those between blended.
void ScaleByWavelength(ConfigFields& scaling, std::vector<double>& frequencies) {
  const double factor = RequiredNumber(scaling, "factor");
  const double low = RequiredNumber(scaling, "low_freq_factor");
  const double high = RequiredNumber(scaling, "high_freq_factor");
  const double original = RequiredNumber(scaling, "original_max_position_embeddings");
  if (high <= low) {
    scaling.Reject("high_freq_factor", absl::StrCat("more than low_freq_factor ", low),
                   absl::StrCat(high));
    return;
  }
  for (double& frequency : frequencies) {
    const double wavelength = 2.0 * std::numbers::pi / frequency;
    if (wavelength > original / low) {
      frequency /= factor;
    } else if (wavelength >= original / high) {
      const double smooth = (original / wavelength - low) / (high - low);
      frequency = (1.0 - smooth) * frequency / factor + smooth * frequency;
    }
  }
}

}  // namespace

int32_t ReadRotaryDim(ConfigFields& fields, int32_t head_dim, double default_factor) {
  ConfigFields parameters = fields.Object("rope_parameters");
  ConfigFields& source = parameters.Has("partial_rotary_factor") ? parameters : fields;
  const double factor = PositiveNumber(source, "partial_rotary_factor", default_factor);
  fields.Merge(parameters);
  const int32_t rotary_dim = factor <= 1.0 ? static_cast<int32_t>(head_dim * factor) : 0;
  if (rotary_dim >= 2 && rotary_dim % 2 == 0) return rotary_dim;
  fields.Reject("partial_rotary_factor",
                absl::StrCat("an even number of the ", head_dim, " dimensions of a head"),
                absl::StrCat(head_dim * factor));
  return 2;
}

RopeTableConfig ReadRopeTable(ConfigFields& fields, int32_t rotary_dim, double default_theta) {
  const bool has_parameters = fields.Has("rope_parameters");
  ConfigFields scaling = fields.Object(has_parameters ? "rope_parameters" : "rope_scaling");
  ConfigFields& theta_fields = has_parameters && scaling.Has("rope_theta") ? scaling : fields;
  const double theta = PositiveNumber(theta_fields, "rope_theta", default_theta);
  std::vector<double> frequencies = Frequencies(rotary_dim, theta);

  // "type" is the spelling before transformers 4.43.
  const std::string type =
      scaling.String(scaling.Has("rope_type") ? "rope_type" : "type", "default");
  if (!scaling.Has("rope_type") && !scaling.Has("type") && scaling.Has("factor")) {
    scaling.Reject("rope_type", "default, linear or llama3", "nothing");
  } else if (type == "linear") {
    ScaleLinearly(scaling, frequencies);
  } else if (type == "llama3") {
    ScaleByWavelength(scaling, frequencies);
  } else if (type == "dynamic") {
    // Its frequencies change with the length of each text, so no table can hold them.
    scaling.Reject("rope_type", "default, linear or llama3",
                   "dynamic, whose frequencies depend on the length of the text");
  } else if (type != "default") {
    scaling.Reject("rope_type", "default, linear or llama3", type);
  }
  fields.Merge(scaling);

  RopeTableConfig table;
  table.frequencies.assign(frequencies.begin(), frequencies.end());
  return table;
}

}  // namespace inkling
