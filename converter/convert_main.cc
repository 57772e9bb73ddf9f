// inkling-convert: the program around ConvertCheckpoint. Progress goes to stderr, the summary to
// stdout. A first Ctrl-C ends the conversion at the next group of rows, which removes the output.

#include <cmath>
#include <csignal>
#include <cstdio>
#include <string>

#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "converter/convert.h"
#include "converter/convert_flags.h"
#include "converter/freed_memory.h"
#include "converter/lora/lora_conversion.h"
#include "converter/progress_bar.h"

namespace {

using inkling::ConvertSummary;
using inkling::ParsedCommandLine;

volatile std::sig_atomic_t g_stop_signal = 0;

extern "C" void StopConversion(int signal) { g_stop_signal = signal; }

int Fail(const std::string& message, int status) {
  const std::string line = absl::StrReplaceAll(message, {{"\r", " "}, {"\n", " "}});
  std::fputs(absl::StrFormat("inkling-convert: %s\n", line).c_str(), stderr);
  return status;
}

// 1234567 -> "1.2 MB".
std::string Bytes(double bytes) {
  if (bytes >= 1e9) return absl::StrFormat("%.2f GB", bytes / 1e9);
  if (bytes >= 1e6) return absl::StrFormat("%.1f MB", bytes / 1e6);
  return absl::StrFormat("%.1f kB", bytes / 1e3);
}

void PrintSummary(const inkling::ConvertFlags& flags, const ConvertSummary& summary) {
  std::string text = absl::StrFormat(
      "%s\n  from        %s (%s, %s)\n  tokenizer   %s\n  template    %s\n  size        %s, %.2f "
      "bits "
      "per weight, %d weights\n",
      flags.output_path, flags.checkpoint_path, summary.family, summary.source_format,
      summary.tokenizer, summary.prompt_template, Bytes(static_cast<double>(summary.file_bytes)),
      summary.bits_per_weight, summary.num_weights);
  absl::StrAppendFormat(&text, "  %-20s %-9s %8s %10s  %s\n", "tensors", "type", "number", "bytes",
                        "relative error");
  for (const inkling::TensorKindSummary& kind : summary.kinds) {
    absl::StrAppendFormat(&text, "  %-20s %-9s %8d %10s  %.5f\n", kind.kind,
                          inkling::TensorTypeName(kind.type), kind.num_tensors,
                          Bytes(static_cast<double>(kind.stored_bytes)), kind.relative_error);
  }
  if (summary.expected_divergence.has_value()) {
    absl::StrAppendFormat(&text,
                          "  expected    KL divergence %.5f from the rounding of weights, which "
                          "raises perplexity by %.2f%%\n",
                          *summary.expected_divergence,
                          100 * std::expm1(*summary.expected_divergence));
  }
  for (const std::string& line : summary.fallbacks) text += "  fallback    " + line + "\n";
  for (const std::string& line : summary.notes) text += "  note        " + line + "\n";
  const double speed = static_cast<double>(summary.input_bytes) / summary.seconds;
  absl::StrAppendFormat(&text, "  took        %.1f s, %.0f MB/s of the checkpoint\n",
                        summary.seconds, speed / 1e6);
  std::fputs(text.c_str(), stdout);
}

int Convert(inkling::ConvertFlags flags) {
  absl::StatusOr<ConvertSummary> summary;
  {
    inkling::ProgressBar bar("converting", inkling::ProgressBar::StyleOfStderr());
    flags.options.progress = [&](const inkling::ConvertProgress& progress) {
      if (!flags.quiet) bar.Update(progress.done_bytes, progress.total_bytes, progress.tensor_name);
      return g_stop_signal == 0;
    };
    summary = inkling::ConvertCheckpoint(flags.checkpoint_path, flags.output_path, flags.options);
  }
  if (absl::IsCancelled(summary.status())) {
    return Fail("stopped; nothing was written", 128 + g_stop_signal);
  }
  if (!summary.ok()) return Fail(std::string(summary.status().message()), 1);
  if (!flags.quiet) PrintSummary(flags, *summary);
  return 0;
}

int ConvertAdapter(const inkling::ConvertFlags& flags) {
  const absl::StatusOr<inkling::LoraSummary> summary = inkling::ConvertLora(
      flags.checkpoint_path, flags.output_path, flags.base_path, flags.lora_options);
  if (!summary.ok()) return Fail(std::string(summary.status().message()), 1);
  if (flags.quiet) return 0;
  const std::string ranks =
      summary->lowest_rank == summary->highest_rank
          ? absl::StrFormat("rank %d", summary->highest_rank)
          : absl::StrFormat("ranks %d to %d", summary->lowest_rank, summary->highest_rank);
  std::string text = absl::StrFormat(
      "%s\n  from        %s (LoRA by %s, names of %s)\n  base        %s\n"
      "  changes     %d matrices, %s\n  size        %s\n",
      flags.output_path, flags.checkpoint_path, summary->format, summary->family, flags.base_path,
      summary->num_matrices, ranks, Bytes(static_cast<double>(summary->file_bytes)));
  for (const std::string& line : summary->notes) text += "  note        " + line + "\n";
  std::fputs(text.c_str(), stdout);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const ParsedCommandLine parsed = inkling::ParseCommandLine(argc, argv);
  switch (parsed.outcome) {
    case ParsedCommandLine::Outcome::kPrintHelp:
      std::fputs(parsed.message.c_str(), stdout);
      return 0;
    case ParsedCommandLine::Outcome::kUsageError:
      return Fail(parsed.message + " (--help lists the options)", 2);
    case ParsedCommandLine::Outcome::kRun:
      break;
  }
  inkling::KeepFreedMemory();
  std::signal(SIGINT, StopConversion);
  std::signal(SIGTERM, StopConversion);
#ifdef SIGXFSZ
  std::signal(SIGXFSZ, SIG_IGN);  // a file over the user's limit is an error like a full disk
#endif
  return parsed.flags.lora ? ConvertAdapter(parsed.flags) : Convert(parsed.flags);
}
