// Every format prints the same fields; JSON adds the samples.

#include "examples/programs/speed_report.h"

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
#include "examples/programs/speed_test.h"

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
// writes it.
std::string TestName(const SpeedTest& test) {
  std::vector<std::string> parts;
  if (test.num_prompt > 0) parts.push_back(absl::StrCat("pp", test.num_prompt));
  if (test.num_generated > 0) parts.push_back(absl::StrCat("tg", test.num_generated));
  const std::string name = absl::StrJoin(parts, "+");
  return test.depth > 0 ? absl::StrCat(name, " @ d", test.depth) : name;
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

nlohmann::ordered_json Fields(const SpeedRow& row, const std::string& cpu) {
  const SpeedResult& result = row.result;
  nlohmann::ordered_json fields;
  fields["cpu_info"] = cpu;
  fields["backends"] = "CPU";
  fields["kernel_class"] = row.model.kernel_class;
  fields["model_filename"] = row.model_filename;
  fields["model_type"] = absl::StrCat(row.model.source, " ", row.model.weight_types);
  fields["model_size"] = row.model.file_bytes;
  fields["model_n_params"] = row.model.num_parameters;
  fields["load_seconds"] = row.load_seconds;
  fields["packed_weights"] = row.model.packed_weights;
  fields["n_batch"] = row.prefill_chunk;
  fields["n_ubatch"] = row.prefill_chunk;
  fields["n_threads"] = row.model.num_threads;
  fields["type_k"] = row.kv_cache;
  fields["type_v"] = row.kv_cache;
  fields["n_prompt"] = result.test.num_prompt;
  fields["n_gen"] = result.test.num_generated;
  fields["n_depth"] = result.test.depth;
  fields["test_time"] = result.started;
  fields["avg_ns"] = static_cast<int64_t>(Average(result.sample_nanoseconds));
  fields["stddev_ns"] = static_cast<int64_t>(StandardDeviation(result.sample_nanoseconds));
  fields["avg_ts"] = Average(result.sample_tokens_per_second);
  fields["stddev_ts"] = StandardDeviation(result.sample_tokens_per_second);
  return fields;
}

std::string FormatJson(const std::vector<SpeedRow>& rows) {
  nlohmann::ordered_json report = nlohmann::ordered_json::array();
  const std::string cpu = CpuName();
  for (const SpeedRow& row : rows) {
    nlohmann::ordered_json fields = Fields(row, cpu);
    fields["samples_ns"] = row.result.sample_nanoseconds;
    fields["samples_ts"] = row.result.sample_tokens_per_second;
    report.push_back(std::move(fields));
  }
  return absl::StrCat(report.dump(2, ' ', false, nlohmann::json::error_handler_t::replace), "\n");
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
                        "CPU", row.model.num_threads, TestName(result.test),
                        absl::StrFormat("%.2f ± %.2f", Average(result.sample_tokens_per_second),
                                        StandardDeviation(result.sample_tokens_per_second))));
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
  }
  return std::string();
}

}  // namespace inkling
