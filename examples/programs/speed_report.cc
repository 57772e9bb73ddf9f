// Every format prints the same fields; JSON adds the samples and the profile.

#include "examples/programs/speed_report.h"

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "examples/programs/machine_probe.h"
#include "examples/programs/model_work.h"
#include "examples/programs/speed_test.h"
#include "src/decoder/step_timer.h"

namespace inkling {
namespace {

std::string CpuName() {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    if (!absl::StartsWith(line, "model name")) continue;
    const size_t colon = line.find(':');
    if (colon != std::string::npos)
      return std::string(absl::StripLeadingAsciiWhitespace(line.substr(colon + 1)));
  }
  return "unknown";
}

// "pp512", "tg128", "pp512+tg128", with "@ d1024" where the test begins at a depth, as llama-bench
// writes it, and with the adapter's rank.
std::string TestName(const SpeedRow& row) {
  const SpeedTest& test = row.result.test;
  std::vector<std::string> parts;
  if (test.num_prompt > 0) parts.push_back(absl::StrCat("pp", test.num_prompt));
  if (test.num_generated > 0) parts.push_back(absl::StrCat("tg", test.num_generated));
  std::string name = absl::StrJoin(parts, "+");
  if (test.depth > 0) absl::StrAppend(&name, " @ d", test.depth);
  if (row.lora_rank > 0) absl::StrAppend(&name, " LoRA ", row.lora_rank);
  return name;
}

// The threads that did a test's work.
int32_t ThreadsOf(const SpeedRow& row) {
  return row.result.test.num_generated == 0 ? row.model.num_threads : row.model.decode_threads;
}

std::string HumanBytes(int64_t bytes) {
  const double mebibytes = static_cast<double>(bytes) / (1 << 20);
  return mebibytes < 1024 ? absl::StrFormat("%.2f MiB", mebibytes)
                          : absl::StrFormat("%.2f GiB", mebibytes / 1024);
}

std::string HumanCount(int64_t count) {
  const double millions = static_cast<double>(count) / 1e6;
  return millions < 1000 ? absl::StrFormat("%.2f M", millions)
                         : absl::StrFormat("%.2f B", millions / 1000);
}

// What a test is bound by: a prompt by multiply-adds, generation by reading weights.
struct Rate {
  double value = 0;
  double limit = 0;  // 0: not measured
  const char* unit = "";
};

Rate RateOf(const SpeedRow& row) {
  if (row.result.test.num_generated == 0) {
    // An operation is a multiplication or an addition, as makers of hardware count.
    return {2e-9 * MultiplyAddRate(row.work, row.result),
            row.limits.has_value() ? 2e-9 * row.limits->multiply_adds_per_second : 0, "Gop/s"};
  }
  return {1e-9 * WeightReadRate(row.work, row.result),
          row.limits.has_value() ? 1e-9 * row.limits->bytes_read_per_second : 0, "GB/s"};
}

void AddRates(const SpeedRow& row, nlohmann::ordered_json& fields) {
  const Rate rate = RateOf(row);
  fields["rate"] = rate.value;
  fields["rate_unit"] = rate.unit;
  if (rate.limit > 0) {
    fields["limit"] = rate.limit;
    fields["share_of_limit"] = rate.value / rate.limit;
  }
}

const char* StepName(DecoderStep step) {
  switch (step) {
    case DecoderStep::kEmbedding:
      return "embedding";
    case DecoderStep::kNorm:
      return "norms and residuals";
    case DecoderStep::kQuantize:
      return "quantise rows";
    case DecoderStep::kQueryKeyValue:
      return "q, k, v";
    case DecoderStep::kRotateAndStore:
      return "rotate and store";
    case DecoderStep::kAttention:
      return "attention";
    case DecoderStep::kAttentionOutput:
      return "attention output";
    case DecoderStep::kGateUp:
      return "gate, up, activation";
    case DecoderStep::kDown:
      return "down";
    case DecoderStep::kHead:
      return "head";
    case DecoderStep::kOther:
      return "other";
  }
  return "other";
}

nlohmann::ordered_json Fields(const SpeedRow& row, const std::string& cpu) {
  const SpeedResult& result = row.result;
  nlohmann::ordered_json fields;
  fields["cpu_info"] = cpu;
  fields["backends"] = "CPU";
  fields["kernel_class"] = row.model.kernel_class;
  fields["prefill_activations"] = row.model.prefill_activations;
  fields["model_filename"] = row.model_filename;
  fields["model_type"] = absl::StrCat(row.model.source, " ", row.model.weight_types);
  fields["model_size"] = row.model.file_bytes;
  fields["model_n_params"] = row.model.num_parameters;
  fields["load_seconds"] = row.load_seconds;
  fields["packed_weights"] = row.model.packed_weights;
  fields["n_batch"] = row.prefill_chunk;
  fields["n_ubatch"] = row.prefill_chunk;
  fields["n_threads"] = ThreadsOf(row);
  fields["cpus"] = row.model.cpus;
  fields["type_k"] = row.kv_cache;
  fields["type_v"] = row.kv_cache;
  fields["n_prompt"] = result.test.num_prompt;
  fields["n_gen"] = result.test.num_generated;
  fields["n_depth"] = result.test.depth;
  if (row.lora_rank > 0) fields["lora_rank"] = row.lora_rank;
  fields["test_time"] = result.started;
  fields["avg_ns"] = static_cast<int64_t>(Average(result.sample_nanoseconds));
  fields["stddev_ns"] = static_cast<int64_t>(StandardDeviation(result.sample_nanoseconds));
  fields["avg_ts"] = Average(result.sample_tokens_per_second);
  fields["stddev_ts"] = StandardDeviation(result.sample_tokens_per_second);
  fields["warm_load_seconds"] = row.warm_load_seconds.has_value()
                                    ? nlohmann::ordered_json(*row.warm_load_seconds)
                                    : nlohmann::ordered_json(nullptr);
  fields["peak_memory_bytes"] = row.peak_memory_bytes;
  // A prompt test ends with the logits of its last token; only sampling is missing, some
  // microseconds.
  const bool is_prompt = result.test.num_prompt > 0 && result.test.num_generated == 0;
  fields["time_to_first_token_ns"] = is_prompt ? fields["avg_ns"] : nlohmann::ordered_json(nullptr);
  AddRates(row, fields);
  return fields;
}

nlohmann::ordered_json FieldsWithSamples(const SpeedRow& row, const std::string& cpu) {
  nlohmann::ordered_json fields = Fields(row, cpu);
  fields["samples_ns"] = row.result.sample_nanoseconds;
  fields["samples_ts"] = row.result.sample_tokens_per_second;
  if (row.result.profile.has_value()) {
    for (size_t i = 0; i < kNumDecoderSteps; ++i) {
      const DecoderStep step = static_cast<DecoderStep>(i);
      const StepTimer::Step& time = row.result.profile->step(step);
      fields["profile"][StepName(step)] = {{"ns", time.nanoseconds}, {"count", time.count}};
    }
  }
  return fields;
}

std::string Dump(const nlohmann::ordered_json& json, int indent) {
  return json.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string FormatJson(const std::vector<SpeedRow>& rows) {
  nlohmann::ordered_json report = nlohmann::ordered_json::array();
  const std::string cpu = CpuName();
  for (const SpeedRow& row : rows) report.push_back(FieldsWithSamples(row, cpu));
  return absl::StrCat(Dump(report, 2), "\n");
}

std::string FormatJsonLines(const std::vector<SpeedRow>& rows) {
  std::string report;
  const std::string cpu = CpuName();
  for (const SpeedRow& row : rows) {
    absl::StrAppend(&report, Dump(FieldsWithSamples(row, cpu), -1), "\n");
  }
  return report;
}

std::string CsvCell(const nlohmann::ordered_json& value) {
  const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

std::string FormatCsv(const std::vector<SpeedRow>& rows) {
  std::string report;
  const std::string cpu = CpuName();
  for (const SpeedRow& row : rows) {
    std::vector<std::string> names;
    std::vector<std::string> cells;
    const nlohmann::ordered_json fields = Fields(row, cpu);
    for (const auto& [name, value] : fields.items()) {
      names.push_back(name);
      cells.push_back(CsvCell(value));
    }
    if (report.empty()) absl::StrAppend(&report, absl::StrJoin(names, ","), "\n");
    absl::StrAppend(&report, absl::StrJoin(cells, ","), "\n");
  }
  return report;
}

// Behind the table: what the machine can do, and the rates next to it.
std::string LimitsTable(const std::vector<SpeedRow>& rows) {
  std::string report = absl::StrFormat("\n| %-30s | %15s | %12s | %12s | %8s |\n", "model", "test",
                                       "rate", "limit", "reached");
  absl::StrAppend(&report, "| ", std::string(30, '-'), " | ", std::string(14, '-'),
                  ": | -----------: | -----------: | -------: |\n");
  for (const SpeedRow& row : rows) {
    const Rate rate = RateOf(row);
    absl::StrAppend(
        &report, absl::StrFormat("| %-30s | %15s | %12s | %12s | %7.1f%% |\n",
                                 absl::StrCat(row.model.source, " ", row.model.weight_types),
                                 TestName(row), absl::StrFormat("%.1f %s", rate.value, rate.unit),
                                 absl::StrFormat("%.1f %s", rate.limit, rate.unit),
                                 100 * rate.value / rate.limit));
  }
  return report;
}

// Where the time of one run of a test went.
std::string ProfileTable(const SpeedRow& row) {
  const StepTimer& profile = *row.result.profile;
  double total = 0;
  for (size_t i = 0; i < kNumDecoderSteps; ++i) {
    total += static_cast<double>(profile.step(static_cast<DecoderStep>(i)).nanoseconds);
  }
  const int32_t tokens = row.result.test.num_prompt + row.result.test.num_generated;
  std::string report =
      absl::StrFormat("\n| %-22s | %12s | %7s | %9s |\n", absl::StrCat(TestName(row), ": step"),
                      "us per token", "share", "times");
  absl::StrAppend(&report, "| ", std::string(22, '-'), " | -----------: | ------: | --------: |\n");
  for (size_t i = 0; i < kNumDecoderSteps; ++i) {
    const DecoderStep step = static_cast<DecoderStep>(i);
    const double nanoseconds = static_cast<double>(profile.step(step).nanoseconds);
    absl::StrAppend(&report, absl::StrFormat("| %-22s | %12.2f | %6.2f%% | %9d |\n", StepName(step),
                                             1e-3 * nanoseconds / tokens, 100 * nanoseconds / total,
                                             profile.step(step).count));
  }
  absl::StrAppend(&report, absl::StrFormat("| %-22s | %12.2f | %6.2f%% | %9s |\n", "all",
                                           1e-3 * total / tokens, 100.0, ""));
  return report;
}

std::string FormatMarkdown(const std::vector<SpeedRow>& rows) {
  std::string report =
      absl::StrFormat("| %-30s | %10s | %10s | %-10s | %7s | %15s | %20s |\n", "model", "size",
                      "params", "backend", "threads", "test", "t/s");
  absl::StrAppend(&report, "| ", std::string(30, '-'),
                  " | ---------: | ---------: | ---------- | ------: | ", std::string(14, '-'),
                  ": | ", std::string(19, '-'), ": |\n");
  for (const SpeedRow& row : rows) {
    const SpeedResult& result = row.result;
    absl::StrAppend(
        &report,
        absl::StrFormat("| %-30s | %10s | %10s | %-10s | %7d | %15s | %20s |\n",
                        absl::StrCat(row.model.source, " ", row.model.weight_types),
                        HumanBytes(row.model.file_bytes), HumanCount(row.model.num_parameters),
                        "CPU", ThreadsOf(row), TestName(row),
                        absl::StrFormat("%.2f ± %.2f", Average(result.sample_tokens_per_second),
                                        StandardDeviation(result.sample_tokens_per_second))));
  }
  if (!rows.empty() && rows.front().limits.has_value()) report += LimitsTable(rows);
  for (const SpeedRow& row : rows) {
    if (row.result.profile.has_value()) report += ProfileTable(row);
  }
  return report;
}

}  // namespace

std::string FormatReport(const std::vector<SpeedRow>& rows, ReportFormat format) {
  switch (format) {
    case ReportFormat::kMarkdown:
      return FormatMarkdown(rows);
    case ReportFormat::kCsv:
      return FormatCsv(rows);
    case ReportFormat::kJson:
      return FormatJson(rows);
    case ReportFormat::kJsonLines:
      return FormatJsonLines(rows);
  }
  return std::string();
}

}  // namespace inkling
