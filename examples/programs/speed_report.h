// Prints speed results as llama-bench does: a Markdown table, CSV, JSON or JSON lines, with its
// column names and keys. What llama-bench hasn't comes behind: rates, limits, profiles.

#ifndef INKLING_EXAMPLES_PROGRAMS_SPEED_REPORT_H_
#define INKLING_EXAMPLES_PROGRAMS_SPEED_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "examples/programs/machine_probe.h"
#include "examples/programs/model_work.h"
#include "examples/programs/speed_test.h"
#include "inkling/llm_options.h"

namespace inkling {

// One line of a report: a result and what it was measured on.
struct SpeedRow {
  std::string model_filename;
  std::string kv_cache;  // a key of KvCacheTypes()
  int32_t prefill_chunk = 0;
  int32_t lora_rank = 0;                    // of a made-up adapter; 0: none
  double load_seconds = 0;                  // from nothing to a model that is ready
  std::optional<double> warm_load_seconds;  // once more, over the packed weights that were kept
  int64_t peak_memory_bytes = 0;            // of the process, until this test was done; 0: unknown
  ModelDescription model;
  ModelWork work;
  std::optional<MachineLimits> limits;  // measured behind the tests of this model
  SpeedResult result;
};

enum class ReportFormat { kMarkdown, kCsv, kJson, kJsonLines };

// The whole report, with a line end.
std::string FormatReport(const std::vector<SpeedRow>& rows, ReportFormat format);

}  // namespace inkling

#endif  // INKLING_EXAMPLES_PROGRAMS_SPEED_REPORT_H_
