// inkling-bench: tokens per second of a model file, with llama-bench's flags, columns and JSON
// keys.
//
// The report goes to standard output, progress and errors to standard error. Exit codes: 0, 1 (it
// failed), 2 (usage).

#include <CLI/CLI.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "examples/programs/fabricated_adapter.h"
#include "examples/programs/fabricated_model.h"
#include "examples/programs/kv_cache_flag.h"
#include "examples/programs/machine_probe.h"
#include "examples/programs/model_shapes.h"
#include "examples/programs/model_work.h"
#include "examples/programs/prefill_flag.h"
#include "examples/programs/speed_report.h"
#include "examples/programs/speed_test.h"
#include "examples/programs/thread_flags.h"
#include "examples/programs/weight_type_flag.h"
#include "inkling/llm_options.h"
#include "src/decoder/kv_cache.h"
#include "src/format/model_config.h"
#include "src/session/model_engine.h"

#if defined(__unix__) || defined(__APPLE__)
#include <sys/resource.h>
#endif

namespace {

struct BenchOptions {
  std::vector<std::string> models;
  std::vector<std::string> shapes;
  std::string weights = "int4/32";
  std::string vocabulary;
  std::vector<int> prompts = {512};
  std::vector<int> generations = {128};
  std::vector<int> depths = {0};
  std::vector<int> threads = {0};
  int decode_threads = 0;
  std::vector<int> cpus;
  int repetitions = 5;
  int chunk = 128;
  std::vector<int> lora_ranks = {0};
  std::string cache_dir;
  std::string kv_cache = "f16";
  std::string prefill = "auto";
  std::string output = "md";
  bool profile = false;
  bool probe = false;
};

const std::map<std::string, inkling::ReportFormat>& Formats() {
  static const auto& formats = *new std::map<std::string, inkling::ReportFormat>{
      {"md", inkling::ReportFormat::kMarkdown},
      {"csv", inkling::ReportFormat::kCsv},
      {"json", inkling::ReportFormat::kJson},
      {"jsonl", inkling::ReportFormat::kJsonLines}};
  return formats;
}

std::vector<inkling::SpeedTest> Tests(const BenchOptions& options) {
  std::vector<inkling::SpeedTest> tests;
  for (int depth : options.depths) {
    for (int prompt : options.prompts) {
      if (prompt > 0) tests.push_back({prompt, 0, depth});
    }
    for (int generated : options.generations) {
      if (generated > 0) tests.push_back({0, generated, depth});
    }
  }
  return tests;
}

// Most memory that the process ever had, or 0 where the system doesn't say.
int64_t PeakMemoryBytes() {
#if defined(__unix__) || defined(__APPLE__)
  rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
#ifdef __APPLE__
  return usage.ru_maxrss;
#else
  return int64_t{usage.ru_maxrss} * 1024;
#endif
#else
  return 0;
#endif
}

// Opens the model and adds the time to `seconds`.
absl::StatusOr<std::unique_ptr<inkling::ModelEngine>> OpenTimed(
    const std::string& path, const inkling::ModelOptions& model_options, double& seconds) {
  const absl::Time begin = absl::Now();
  absl::StatusOr<std::unique_ptr<inkling::ModelEngine>> engine =
      inkling::ModelEngine::Open(inkling::ModelSource::FromPath(path), model_options);
  seconds = absl::ToDoubleSeconds(absl::Now() - begin);
  return engine;
}

// One test, with a made-up adapter of the row's rank.
absl::Status MeasureTest(const inkling::ModelEngine& engine, const inkling::SpeedTest& test,
                         const BenchOptions& options, const inkling::SpeedRow& common,
                         std::vector<inkling::SpeedRow>& rows) {
  std::fprintf(stderr, "inkling-bench: %s: %d prompt, %d generated tokens at depth %d%s\n",
               common.model_filename.c_str(), test.num_prompt, test.num_generated, test.depth,
               common.lora_rank > 0 ? ", with an adapter" : "");
  std::vector<inkling::ActiveAdapter> adapters;
  std::shared_ptr<const inkling::Adapter> adapter;
  if (common.lora_rank > 0) {
    auto made = engine.decoder().CreateAdapter(
        inkling::FabricateAdapter(engine.config(), common.lora_rank));
    if (!made.ok()) return made.status();
    adapter = *std::move(made);
    adapters.push_back({adapter.get(), 1.0f});
  }
  absl::StatusOr<inkling::SpeedResult> result = inkling::MeasureSpeed(
      engine, test,
      {.element = inkling::KvElementOf(inkling::KvCacheTypes().at(options.kv_cache)).value(),
       .repetitions = options.repetitions,
       .adapters = adapters,
       .profile = options.profile});
  if (!result.ok()) return result.status();
  rows.push_back(common);
  rows.back().peak_memory_bytes = PeakMemoryBytes();
  rows.back().result = *std::move(result);
  return absl::OkStatus();
}

absl::Status MeasureModel(const std::string& path, const std::string& name, int threads,
                          const BenchOptions& options, std::vector<inkling::SpeedRow>& rows) {
  inkling::ModelOptions model_options;
  model_options.num_threads = threads;
  model_options.decode_threads = options.decode_threads;
  model_options.cpus = options.cpus;
  model_options.prefill_chunk = options.chunk;
  model_options.prefill_activations = inkling::PrefillChoices().at(options.prefill);
  model_options.cache_dir = options.cache_dir;
  inkling::SpeedRow common;
  common.model_filename = name;
  common.kv_cache = options.kv_cache;
  common.prefill_chunk = options.chunk;
  auto engine = OpenTimed(path, model_options, common.load_seconds);
  if (engine.ok() && !options.cache_dir.empty()) {
    engine->reset();
    engine = OpenTimed(path, model_options, common.warm_load_seconds.emplace());
  }
  if (!engine.ok()) return engine.status();
  common.model = (*engine)->Describe();
  common.work = inkling::CountWork(**engine);
  const size_t first_row = rows.size();
  for (const inkling::SpeedTest& test : Tests(options)) {
    for (const int rank : options.lora_ranks) {
      common.lora_rank = rank;
      absl::Status status = MeasureTest(**engine, test, options, common, rows);
      if (!status.ok()) return status;
    }
  }
  if (!options.probe) return absl::OkStatus();
  std::fprintf(stderr, "inkling-bench: the machine's limits, %d threads\n",
               common.model.num_threads);
  absl::StatusOr<inkling::MachineLimits> limits = inkling::ProbeMachine(
      common.model.num_threads, common.model.decode_threads, common.model.cpus);
  if (!limits.ok()) return limits.status();
  for (size_t i = first_row; i < rows.size(); ++i) rows[i].limits = *limits;
  return absl::OkStatus();
}

// Writes a model of the shape where temporary files go and measures it.
absl::Status MeasureShape(const std::string& shape, const BenchOptions& options,
                          std::vector<inkling::SpeedRow>& rows) {
  absl::StatusOr<inkling::ModelConfig> config = inkling::ModelShape(shape);
  if (!config.ok()) return config.status();
  const std::string vocabulary = !options.vocabulary.empty() ? options.vocabulary
                                 : options.weights == "f32"  ? "f32"
                                                             : "int8";
  const inkling::FabricatedTypes types = {inkling::WeightTypes().at(options.weights),
                                          inkling::WeightTypes().at(vocabulary)};
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() /
      absl::StrCat("inkling-bench-", shape, "-", absl::ToUnixNanos(absl::Now()), ".tflite");
  const absl::Cleanup remove_file = [&path] {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  };
  std::fprintf(stderr, "inkling-bench: making up weights of %s\n", shape.c_str());
  absl::Status status = inkling::WriteFabricatedModel(path.string(), *config, types);
  if (!status.ok()) return status;
  for (int threads : options.threads) {
    status = MeasureModel(path.string(), shape, threads, options, rows);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Run(const BenchOptions& options) {
  if (options.models.empty() && options.shapes.empty())
    return absl::InvalidArgumentError("nothing to measure: give --model or --shape");
  if (Tests(options).empty())
    return absl::InvalidArgumentError("nothing to measure: give -p or -n a number above 0");
  std::vector<inkling::SpeedRow> rows;
  for (const std::string& model : options.models) {
    for (int threads : options.threads) {
      absl::Status status = MeasureModel(model, model, threads, options, rows);
      if (!status.ok()) return status;
    }
  }
  for (const std::string& shape : options.shapes) {
    absl::Status status = MeasureShape(shape, options, rows);
    if (!status.ok()) return status;
  }
  std::fputs(inkling::FormatReport(rows, Formats().at(options.output)).c_str(), stdout);
  return absl::OkStatus();
}

// What is measured: models, and the lengths of prompts and generated texts.
void AddSubjects(CLI::App& app, BenchOptions& options) {
  app.add_option("--model,-m", options.models, "Model file; may be given several times");
  app.add_option("--shape", options.shapes,
                 "Made-up weights in the shape of a published model, no file needed: " +
                     absl::StrJoin(inkling::ModelShapeNames(), ", "))
      ->delimiter(',');
  app.add_option("--weights", options.weights,
                 "Of a shape: int4 (per channel), int4/32, int4/64, int4/128, int8 or f32")
      ->check(CLI::IsMember(inkling::WeightTypes()))
      ->capture_default_str();
  app.add_option("--vocabulary", options.vocabulary,
                 "Of a shape: type of embedding and head (default int8; f32 with f32 weights)")
      ->check(CLI::IsMember(inkling::WeightTypes()));
  app.add_option("--n-prompt,-p", options.prompts, "Prompt lengths: 512 or 128,512; 0 = none")
      ->delimiter(',');
  app.add_option("--n-gen,-n", options.generations, "Generated tokens: 128 or 32,128; 0 = none")
      ->delimiter(',');
  app.add_option("--n-depth,--depth,-d", options.depths, "Positions that are filled before")
      ->delimiter(',');
  app.add_option(
         "--lora-rank", options.lora_ranks,
         "Each test with a made-up LoRA adapter of this rank on every matrix of the layers: "
         "16 or 0,16; 0 = none")
      ->check(CLI::Range(0, 4096))
      ->delimiter(',');
  app.add_option("--repetitions,-r", options.repetitions, "Measured runs of each test")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
}

// How a model is opened and run.
void AddModelOptions(CLI::App& app, BenchOptions& options) {
  app.add_option("--threads,-t", options.threads, "Threads: 2 or 1,2; 0 = the machine's")
      ->delimiter(',');
  app.add_option("--decode-threads", options.decode_threads, inkling::kDecodeThreadsHelp)
      ->capture_default_str();
  app.add_option("--cpus", options.cpus, inkling::kCpusHelp)
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--ubatch-size,-u", options.chunk,
                 "Prompt tokens that go through the model at once")
      ->capture_default_str();
  app.add_option(
      "--cache-dir", options.cache_dir,
      "Folder that keeps packed weights; the model is then opened twice, and JSON has the "
      "warm start's time too");
  app.add_option("--kv-cache", options.kv_cache, inkling::kKvCacheHelp)
      ->check(CLI::IsMember(inkling::KvCacheTypes()))
      ->capture_default_str();
  app.add_option("--prefill", options.prefill, inkling::kPrefillHelp)
      ->check(CLI::IsMember(inkling::PrefillChoices()))
      ->capture_default_str();
}

void AddReportOptions(CLI::App& app, BenchOptions& options) {
  app.add_option("--output,-o", options.output, "Report: md, csv, json or jsonl")
      ->check(CLI::IsMember({"md", "csv", "json", "jsonl"}))
      ->capture_default_str();
  app.add_flag("--profile", options.profile,
               "Run each test once more and say how long each kind of step took (md, json, jsonl)");
  app.add_flag(
      "--probe", options.probe,
      "Measure the machine's limits too (int8 multiply-adds, bytes read; takes 512 MiB) and "
      "say how much of them each test reached");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures tokens per second of Inkling models.", "inkling-bench");
  BenchOptions options;
  AddSubjects(app, options);
  AddModelOptions(app, options);
  AddReportOptions(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  const absl::Status status = Run(options);
  if (status.ok()) return 0;
  std::fprintf(stderr, "inkling-bench: %s\n", std::string(status.message()).c_str());
  return 1;
}
