// Writes the C++ header of a flatbuffer schema, as flatc --cpp --scoped-enums --cpp-std c++17 does.
//
// usage: inkling-flatc OUTPUT_FOLDER SCHEMA
// flatc itself carries the generators of twenty languages; a build of Inkling needs this one for
// two small schemas.

#include <cstdint>
#include <iostream>
#include <memory>
#include <string>

#include "flatbuffers/code_generator.h"
#include "flatbuffers/flatc.h"
#include "flatbuffers/idl.h"
#include "flatbuffers/util.h"
#include "idl_gen_cpp.h"

namespace flatbuffers {

// The generator calls these of flatc's own. Remote procedure calls aren't asked for.
bool GenerateCppGRPC(const Parser&, const std::string&, const std::string&) { return false; }
void LogCompilerWarn(const std::string& warning) { std::cerr << "warning: " << warning << "\n"; }
void LogCompilerError(const std::string& error) { std::cerr << "error: " << error << "\n"; }

}  // namespace flatbuffers

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: inkling-flatc OUTPUT_FOLDER SCHEMA\n";
    return 2;
  }
  const std::string folder = flatbuffers::ConCatPathFileName(argv[1], "");
  const std::string schema = argv[2];
  std::string text;
  if (!flatbuffers::LoadFile(schema.c_str(), /*binary=*/true, &text)) {
    std::cerr << schema << ": can't be read\n";
    return 1;
  }
  flatbuffers::IDLOptions options;
  options.lang_to_generate = flatbuffers::IDLOptions::kCpp;
  options.cpp_std = "c++17";
  options.prefixed_enums = false;
  options.scoped_enums = true;
  flatbuffers::Parser parser(options);
  const char* no_include_folders[] = {nullptr};
  if (!parser.Parse(text.c_str(), no_include_folders, schema.c_str())) {
    std::cerr << parser.error_ << "\n";
    return 1;
  }
  flatbuffers::EnsureDirExists(folder);
  const std::string stem = flatbuffers::StripPath(flatbuffers::StripExtension(schema));
  const auto status = flatbuffers::NewCppCodeGenerator()->GenerateCode(parser, folder, stem);
  return status == flatbuffers::CodeGenerator::Status::OK ? 0 : 1;
}
