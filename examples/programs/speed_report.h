// Prints speed results as llama-bench does: a Markdown table, CSV or JSON, with its column names
// and keys.

#ifndef INKLING_EXAMPLES_PROGRAMS_SPEED_REPORT_H_
#define INKLING_EXAMPLES_PROGRAMS_SPEED_REPORT_H_

#include <string>
#include <vector>

#include "examples/programs/speed_test.h"
#include "inkling/llm_options.h"

namespace inkling {

// One line of a report: a result and what it was measured on.
struct SpeedRow {
  std::string model_filename;
  std::string kv_cache;  // "f16" or "f32"
  int32_t prefill_chunk = 0;
  double load_seconds = 0;  // from nothing to a model that is ready
  ModelDescription model;
  SpeedResult result;
};

enum class ReportFormat { kMarkdown, kCsv, kJson };

// The whole report, with a line end.
std::string FormatReport(const std::vector<SpeedRow>& rows, ReportFormat format);

}  // namespace inkling

#endif  // INKLING_EXAMPLES_PROGRAMS_SPEED_REPORT_H_
