// The key, the folder, the conversion with its progress (see converted_models.h).

#include "examples/programs/converted_models.h"

#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "converter/checkpoints/checkpoint.h"
#include "converter/convert.h"
#include "converter/freed_memory.h"
#include "converter/progress_bar.h"
#include "src/format/content_hash.h"
#include "src/format/foreign_file.h"

namespace inkling {
namespace {

namespace fs = std::filesystem;

// "1.24 GB".
std::string Bytes(int64_t bytes) {
  const double number = static_cast<double>(bytes);
  if (number >= 1e9) return absl::StrFormat("%.2f GB", number / 1e9);
  if (number >= 1e6) return absl::StrFormat("%.1f MB", number / 1e6);
  return absl::StrFormat("%.1f kB", number / 1e3);
}

void Say(const std::string& line) {
  std::fputs(absl::StrCat("inkling-run: ", line, "\n").c_str(), stderr);
}

// Whether inkling-convert would read this path.
bool IsCheckpoint(const std::string& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return true;
  if (!fs::is_regular_file(path, error)) return false;
  std::ifstream file(path, std::ios::binary);
  std::string start(kForeignFileBytes, '\0');
  file.read(start.data(), static_cast<std::streamsize>(start.size()));
  start.resize(static_cast<size_t>(file.gcount()));
  if (IsModelFile(start)) return false;
  const int64_t size = static_cast<int64_t>(fs::file_size(path, error));
  const ForeignFile found = RecognizeForeignFile(start, size);
  if (!found.name.empty()) return found.use != ForeignFile::Use::kOther;
  return Checkpoint::Open(path).ok();
}

// A file that counts, in one line: its size and time with its name.
struct Source {
  std::string name;
  int64_t bytes = 0;
  std::string state;
};

Source SourceOf(const fs::path& path) {
  Source source;
  source.name = path.filename().string();
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0) return source;
  source.bytes = info.st_size;
#ifdef __APPLE__
  const struct timespec& time = info.st_mtimespec;
#else
  const struct timespec& time = info.st_mtim;
#endif
  source.state = absl::StrCat(source.name, " ", info.st_size, " ", time.tv_sec, ".", time.tv_nsec);
  return source;
}

bool IsFile(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

// "model-00002-of-00003.gguf" -> "model-"; other names whole.
std::string ShardStem(const std::string& name) {
  const size_t of = name.rfind("-of-");
  const size_t dash = of == std::string::npos ? of : name.rfind('-', of - 1);
  return dash == std::string::npos || of == 0 ? name : name.substr(0, dash + 1);
}

// One path for each checkpoint, however it is given. A file keeps its name: in a hub's cache it is
// a link to a blob, and what belongs to it lies beside the link.
fs::path PlaceOf(const std::string& given) {
  std::error_code error;
  const fs::path path = fs::absolute(given, error);
  const bool is_folder = fs::is_directory(path, error);
  const fs::path place = fs::canonical(is_folder ? path : path.parent_path(), error);
  if (error) return path;
  return is_folder ? place : place / path.filename();
}

// All files of a checkpoint. A GGUF file and its shards hold everything; other weight files are
// read with what lies beside them.
std::vector<Source> SourcesOf(const fs::path& path) {
  std::error_code error;
  const bool is_folder = fs::is_directory(path, error);
  const fs::path folder = is_folder ? path : path.parent_path();
  const bool alone = !is_folder && path.extension() == ".gguf";
  const std::string stem = ShardStem(path.filename().string());
  std::vector<Source> sources;
  fs::directory_iterator entries(folder, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    const fs::path& entry = entries->path();
    const bool counts = !alone || absl::StartsWith(entry.filename().string(), stem);
    if (counts && IsFile(entry)) sources.push_back(SourceOf(entry));
  }
  // The one subfolder that is read, too.
  fs::directory_iterator templates(folder / "additional_chat_templates", error);
  for (; !alone && !error && templates != fs::directory_iterator(); templates.increment(error)) {
    if (IsFile(templates->path())) sources.push_back(SourceOf(templates->path()));
  }
  std::sort(sources.begin(), sources.end(),
            [](const Source& a, const Source& b) { return a.name < b.name; });
  return sources;
}

std::string HashOf(absl::string_view text) {
  ContentHash hash;
  hash.Add(absl::MakeConstSpan(reinterpret_cast<const std::byte*>(text.data()), text.size()));
  return HexDigits(hash.Digest()).substr(0, 12);
}

// Where converted models are kept; empty if the environment names no place.
std::string CacheFolder() {
  const char* const cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && cache[0] == '/') return absl::StrCat(cache, "/inkling/models");
  const char* const home = std::getenv("HOME");
  if (home != nullptr && home[0] == '/') return absl::StrCat(home, "/.cache/inkling/models");
  return "";
}

// What to do when the cache folder is no place for the model.
absl::Status NoPlace(const absl::Status& status, const std::string& source) {
  return absl::Status(
      status.code(),
      absl::StrCat(status.message(),
                   ". Converted models are kept below $XDG_CACHE_HOME or ~/.cache: "
                   "set XDG_CACHE_HOME to a folder with room, or convert to a place of your own "
                   "with `inkling-convert ",
                   source, " model.tflite`"));
}

volatile std::sig_atomic_t stop_signal = 0;
void StopConversion(int signal) { stop_signal = signal; }

// While this lives, Ctrl-C ends the conversion, not the program, so that nothing is left behind;
// and a file over the user's limit is an error like a full disk.
class InterruptStops {
 public:
  InterruptStops()
      : interrupt_(std::signal(SIGINT, StopConversion)),
        terminate_(std::signal(SIGTERM, StopConversion)) {
#ifdef SIGXFSZ
    std::signal(SIGXFSZ, SIG_IGN);
#endif
  }
  ~InterruptStops() {
    std::signal(SIGINT, interrupt_);
    std::signal(SIGTERM, terminate_);
  }
  InterruptStops(const InterruptStops&) = delete;
  InterruptStops& operator=(const InterruptStops&) = delete;

 private:
  void (*interrupt_)(int);
  void (*terminate_)(int);
};

absl::StatusOr<ConvertSummary> Convert(const std::string& source, const std::string& output,
                                       ConvertOptions options) {
  const InterruptStops interrupt_stops;
  ProgressBar bar("converting", ProgressBar::StyleOfStderr());
  options.progress = [&](const ConvertProgress& progress) {
    bar.Update(progress.done_bytes, progress.total_bytes, progress.tensor_name);
    return stop_signal == 0;
  };
  KeepFreedMemory();
  absl::StatusOr<ConvertSummary> summary = ConvertCheckpoint(source, output, options);
  GiveBackFreedMemory();
  return summary;
}

// Conversions of the same checkpoint, with the same flags, as it was before.
void RemoveOlder(const fs::path& kept, const std::string& prefix) {
  std::error_code error;
  std::vector<fs::path> older;
  fs::directory_iterator entries(kept.parent_path(), error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    const std::string name = entries->path().filename().string();
    if (absl::StartsWith(name, prefix) && entries->path() != kept) older.push_back(entries->path());
  }
  for (const fs::path& path : older) {
    if (fs::remove(path, error))
      Say(absl::StrCat("removed ", path.string(), ", an older conversion"));
  }
}

void ShowSummary(const ConvertSummary& summary) {
  Say(absl::StrFormat("converted in %.1f s: %s, %.2f bits per weight; template: %s",
                      summary.seconds, Bytes(summary.file_bytes), summary.bits_per_weight,
                      summary.prompt_template));
  for (const std::string& line : summary.fallbacks) Say(absl::StrCat("fallback: ", line));
  for (const std::string& line : summary.notes) Say(absl::StrCat("note: ", line));
}

// What a conversion came from, besides the path and the flags. The program counts where the system
// says which file it is: another build may convert better.
std::string StateOf(const std::vector<Source>& sources, const ConvertOptions& options) {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  std::string state =
      absl::StrCat("inkling ", INKLING_VERSION, "\n", SourceOf(program).state, "\n");
  for (const Source& file : sources) absl::StrAppend(&state, file.state, "\n");
  for (const std::string& file : {options.tokenizer_path, options.importance_path}) {
    if (!file.empty()) absl::StrAppend(&state, SourceOf(file).state, "\n");
  }
  return state;
}

// A path that leads nowhere; "someone/some-model" is what models are called on the hub.
absl::Status NoSuchPath(const std::string& path) {
  const bool is_name = std::count(path.begin(), path.end(), '/') == 1 && path.front() != '/' &&
                       path.front() != '.' && path.back() != '/';
  return absl::NotFoundError(absl::StrCat(
      path, ": no such file or folder",
      is_name ? "; if it is a model's name on a hub, download its folder first, nothing is "
                "fetched here"
              : ""));
}

}  // namespace

absl::StatusOr<std::string> ConvertedModels::ModelFileOf(const std::string& path) {
  std::error_code missing;
  if (!path.empty() && !fs::exists(path, missing) && !missing) return NoSuchPath(path);
  if (!IsCheckpoint(path)) return path;
  converts_ = true;
  std::error_code error;
  const fs::path source = PlaceOf(path);
  const std::vector<Source> sources = SourcesOf(source);
  const std::string folder = CacheFolder();
  if (folder.empty()) {
    return NoPlace(absl::FailedPreconditionError("there is no place for a converted model: neither "
                                                 "XDG_CACHE_HOME nor HOME names a folder"),
                   path);
  }
  const std::string prefix =
      absl::StrCat(source.filename().string().substr(0, 80), "-",
                   HashOf(absl::StrCat(source.string(), "\n", flags_.Given())), "-");
  const std::string output =
      absl::StrCat(folder, "/", prefix, HashOf(StateOf(sources, flags_.options())), ".tflite");
  if (IsFile(output)) {
    Say(absl::StrCat("using ", output, ", converted before"));
    return output;
  }
  int64_t bytes = 0;
  for (const Source& file : sources) bytes += file.bytes;
  fs::create_directories(folder, error);
  if (error) {
    return NoPlace(
        absl::FailedPreconditionError(absl::StrCat("can't make ", folder, ": ", error.message())),
        path);
  }
  Say(absl::StrCat("converting ", path, " (", sources.size(),
                   sources.size() == 1 ? " file, " : " files, ", Bytes(bytes), ") once, to ",
                   output));
  const absl::StatusOr<ConvertSummary> summary = Convert(path, output, flags_.options());
  if (absl::IsCancelled(summary.status())) {
    return absl::CancelledError("stopped; nothing was written");
  }
  if (absl::IsUnavailable(summary.status())) {
    return absl::UnavailableError(
        absl::StrCat(summary.status().message(), ": wait until it is done"));
  }
  if (!summary.ok()) {
    return absl::StrContains(summary.status().message(), folder) ? NoPlace(summary.status(), path)
                                                                 : summary.status();
  }
  ShowSummary(*summary);
  RemoveOlder(output, prefix);
  return output;
}

}  // namespace inkling
