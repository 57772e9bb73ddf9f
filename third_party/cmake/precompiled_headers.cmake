# Precompiled headers: what nearly every source file includes is parsed once, not 300 times.
#
# Half of the time of a build from nothing went into parsing abseil and GoogleTest. inkling_add_room and the tests call
# inkling_precompile_headers(TARGET KIND); KIND is `library`, `converter` or `test`. Sources still include what they use: clang-tidy
# reads them without this (tests/run.sh --tidy). Off where Inkling is part of another build.

option(INKLING_PRECOMPILED_HEADERS "Parse the most used headers once" ${PROJECT_IS_TOP_LEVEL})

set(inkling_headers_library <algorithm> <cstddef> <cstdint> <functional> <memory> <optional> <string> <utility> <vector>
  [["absl/status/status.h"]] [["absl/status/statusor.h"]] [["absl/strings/str_cat.h"]] [["absl/strings/string_view.h"]]
  [["absl/types/span.h"]])
set(inkling_headers_converter ${inkling_headers_library} [["nlohmann/json.hpp"]])
set(inkling_headers_test ${inkling_headers_library} <filesystem> <fstream> <map> <random> [["gtest/gtest.h"]])

# ccache compares a precompiled header by content when it may ignore when it was written.
if(INKLING_PRECOMPILED_HEADERS AND INKLING_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
    "${CMAKE_COMMAND}" -E env CCACHE_SLOPPINESS=pch_defines,time_macros "${INKLING_CCACHE}")
endif()

# GCC forgets that precompiled code is the system's and shows its false alarms about the insides of std::string.
set(inkling_precompiled_options -fpch-preprocess -Wno-array-bounds -Wno-stringop-overread -Wno-stringop-overflow)
list(TRANSFORM inkling_precompiled_options REPLACE "(.+)" "$<$<CXX_COMPILER_ID:GNU>:\\1>")

# Lets <target> use the headers of <kind>; LIBS are the libraries that they come from. The first target of a kind makes
# them in a target of its own, with the same options.
function(inkling_precompile_headers target kind)
  if(NOT INKLING_PRECOMPILED_HEADERS OR CMAKE_VERSION VERSION_LESS 3.22)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "LIBS;OPTIONS")
  set(owner inkling_precompiled_${kind})
  if(NOT TARGET ${owner})
    set(source "${PROJECT_BINARY_DIR}/generated/precompiled_${kind}.cc")
    if(kind STREQUAL "test")
      file(CONFIGURE OUTPUT "${source}" CONTENT "int main() { return 0; }\n")
      add_executable(${owner} "${source}")  # position-independent as executables are, not as libraries are
      set_target_properties(${owner} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/generated")
    else()
      file(CONFIGURE OUTPUT "${source}" CONTENT "")
      add_library(${owner} OBJECT "${source}")
    endif()
    target_link_libraries(${owner} PRIVATE ${arg_LIBS})
    inkling_set_compile_options(${owner})
    target_compile_options(${owner} PRIVATE ${arg_OPTIONS} ${inkling_precompiled_options})
    target_precompile_headers(${owner} PRIVATE ${inkling_headers_${kind}})
  endif()
  target_compile_options(${target} PRIVATE ${inkling_precompiled_options})
  target_precompile_headers(${target} REUSE_FROM ${owner})
endfunction()
