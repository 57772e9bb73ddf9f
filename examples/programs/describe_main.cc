// inkling-describe: prints what a model file contains: config, tokenizer, template, tensor table.

#include <cstdio>
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "examples/programs/model_description.h"
#include "src/format/model_reader.h"

namespace {

using nlohmann::ordered_json;

int Fail(const std::string& message, int status) {
  const std::string line = absl::StrReplaceAll(message, {{"\r", " "}, {"\n", " "}});
  std::fputs(absl::StrFormat("inkling-describe: %s\n", line).c_str(), stderr);
  return status;
}

std::string Dump(const ordered_json& value, int indent) {
  return value.dump(indent, ' ', false, ordered_json::error_handler_t::replace);
}

// A long list by its ends: rotary frequencies and layers are hundreds of numbers.
std::string ShortList(const ordered_json& list) {
  if (list.size() <= 8) return Dump(list, -1);
  return absl::StrFormat("[%s, %s, ... %s] (%d)", Dump(list[0], -1), Dump(list[1], -1),
                         Dump(list.back(), -1), list.size());
}

std::string Shown(const ordered_json& value) {
  if (value.is_array()) return ShortList(value);
  if (!value.is_object()) return Dump(value, -1);
  std::string text;
  for (const auto& [key, inner] : value.items()) {
    absl::StrAppendFormat(&text, "%s%s %s", text.empty() ? "" : ", ", key, Shown(inner));
  }
  return text;
}

std::string Section(const std::string& title, const ordered_json& object) {
  std::string text = absl::StrFormat("\n%s\n", title);
  for (const auto& [key, value] : object.items()) {
    if (key == "rope_tables") {
      for (const ordered_json& table : value) {
        absl::StrAppendFormat(&text, "  %-22s %s\n", "rope_table", Shown(table));
      }
      continue;
    }
    absl::StrAppendFormat(&text, "  %-22s %s\n", key, Shown(value));
  }
  return text;
}

std::string TensorTable(const ordered_json& tensors) {
  std::string text = absl::StrFormat("\ntensors\n  %-44s %-9s %-8s %-18s %14s\n", "name", "role",
                                     "type", "shape", "bytes");
  for (const ordered_json& tensor : tensors) {
    absl::StrAppendFormat(&text, "  %-44s %-9s %-8s %-18s %14d\n",
                          tensor["name"].get<std::string>(), tensor["role"].get<std::string>(),
                          tensor["type"].get<std::string>(), Dump(tensor["shape"], -1),
                          tensor["bytes"].get<int64_t>());
  }
  return text;
}

std::string ForPeople(const std::string& path, const ordered_json& model) {
  std::string text = absl::StrFormat(
      "%s\n  model id               %s\n  file                   %d bytes\n  weights               "
      " "
      "%d, %.3f bits each\n",
      path, model["model_id"].get<std::string>(), model["file_bytes"].get<int64_t>(),
      model["num_weights"].get<int64_t>(), model["bits_per_weight"].get<double>());
  for (const char* section : {"provenance", "config", "tokenizer", "prompt_template"}) {
    text += Section(section, model[section]);
  }
  return text + TensorTable(model["tensors"]);
}

}  // namespace

// nlohmann::json throws type_error where a value is of another type than it is taken for; this
// document is our own.
// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char** argv) {
  std::string path;
  bool json = false;
  CLI::App app("Prints what an Inkling model file contains.", "inkling-describe");
  app.add_option("FILE", path, "the model file")->required();
  app.add_flag("--json", json, "print one JSON object instead of text");
  app.footer("\nExit status: 0 done, 1 the file can't be read, 2 bad command line.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::fputs(app.help().c_str(), stdout);
    return 0;
  } catch (const CLI::ParseError& error) {
    return Fail(std::string(error.what()) + " (--help lists the options)", 2);
  }
  const absl::StatusOr<std::unique_ptr<inkling::ModelReader>> reader =
      inkling::ModelReader::Open(path);
  if (!reader.ok()) return Fail(std::string(reader.status().message()), 1);
  const ordered_json model = inkling::DescribeModel(**reader);
  const std::string text = json ? Dump(model, 2) + "\n" : ForPeople(path, model);
  if (std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0) {
    return Fail("can't write to standard output", 1);
  }
  return 0;
}
