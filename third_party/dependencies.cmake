# Every dependency of Inkling as an imported target; the top-level CMakeLists.txt includes this file once.
#
# Gives: absl::*, inkling_third_party::{flatbuffers,hwy,XNNPACK,pthreadpool,xxhash} and INKLING_FLATC; and through
# inkling_require_<name>(): GTest::gtest{,_main}, benchmark::benchmark, nlohmann_json::nlohmann_json, CLI11::CLI11.
# Order for each: its source folder, an installed package that is new enough, upstream at the commit of pins.cmake.

include("${CMAKE_CURRENT_LIST_DIR}/cmake/build_dependency.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/cmake/same_abseil.cmake")

# All that a CMakeLists.txt of this project links of abseil; a name that is missing here is a target that CMake misses.
set(inkling_abseil_libraries "algorithm_container cleanup flat_hash_map flat_hash_set function_ref memory prefetch span status \
status_macros statusor str_format strings time")

# An installed package serves only a plain native build: it isn't instrumented and is made for this machine.
set(inkling_installed_packages_fit TRUE)
if(CMAKE_CROSSCOMPILING OR INKLING_SANITIZER)
  set(inkling_installed_packages_fit FALSE)
endif()

# What has to be instrumented too. ThreadSanitizer must see the pool's synchronisation; under AddressSanitizer abseil's
# containers change their layout. XNNPACK's kernels read past buffers on purpose, so it stays plain there.
set(inkling_sanitizer_of_abseil "")
set(inkling_sanitizer_of_others "")
if(INKLING_SANITIZER MATCHES "(address|thread)")
  set(inkling_sanitizer_of_abseil "${CMAKE_MATCH_1}")
endif()
if(INKLING_SANITIZER STREQUAL "thread")
  set(inkling_sanitizer_of_others "${INKLING_SANITIZER}")
endif()

# --- abseil: C++17 with its options pinned, so that C++17 and C++20 consumers see one ABI. A project around this one that
# has abseil already shares it, if it is the same release.
set(INKLING_ABSEIL_RELEASE 20260526)
if(TARGET absl::status)
  inkling_compare_abseil(${INKLING_ABSEIL_RELEASE} problem)
  if(problem)
    message(FATAL_ERROR "${problem}")
  endif()
else()
  inkling_has_source(abseil has_source)
  if(NOT has_source AND inkling_installed_packages_fit)
    find_package(absl ${INKLING_ABSEIL_RELEASE} CONFIG QUIET)
  endif()
endif()
if(NOT TARGET absl::status)
  inkling_build_dependency(abseil INKLING_ABSEIL_PREFIX SANITIZER "${inkling_sanitizer_of_abseil}"
    PROJECT "${CMAKE_CURRENT_LIST_DIR}/abseil" FILES "${CMAKE_CURRENT_LIST_DIR}/abseil/CMakeLists.txt"
    OPTIONS -DCMAKE_CXX_STANDARD=17 "-DINKLING_ABSEIL_LIBRARIES=${inkling_abseil_libraries}")
  set(absl_DIR "${INKLING_ABSEIL_PREFIX}/lib/cmake/absl" CACHE PATH "abseil's package" FORCE)  # not an older prefix
  find_package(absl CONFIG REQUIRED)
endif()

# --- flatbuffers: headers for us, its schema compiler for the build; always built for this machine.
inkling_build_dependency(flatbuffers INKLING_FLATBUFFERS_PREFIX HOST
  PROJECT "${CMAKE_CURRENT_LIST_DIR}/flatbuffers"
  FILES "${CMAKE_CURRENT_LIST_DIR}/flatbuffers/CMakeLists.txt" "${CMAKE_CURRENT_LIST_DIR}/flatbuffers/schema_compiler.cc"
  OPTIONS -DCMAKE_CXX_FLAGS_RELEASE=-O0)  # it reads two small schemas: optimising costs more than it gains
set(INKLING_FLATC "${INKLING_FLATBUFFERS_PREFIX}/bin/inkling-flatc" CACHE FILEPATH "The flatbuffers compiler" FORCE)

# --- xxHash: one header, compiled into one file of src/format, so any version that has XXH3's final values will do.
inkling_has_source(xxhash has_source)
set(found FALSE)
if(NOT has_source)
  inkling_link_headers(inkling_third_party::xxhash xxhash.h found)
endif()
if(NOT found)
  inkling_require_source(xxhash folder)
  add_library(inkling_third_party::xxhash INTERFACE IMPORTED GLOBAL)
  set_target_properties(inkling_third_party::xxhash PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${folder}")
endif()

# --- Highway: portable SIMD for kernels/. Never a package of the system, which couldn't be renamed.
inkling_build_dependency(highway INKLING_HIGHWAY_PREFIX SANITIZER "${inkling_sanitizer_of_others}"
  PROJECT "${CMAKE_CURRENT_LIST_DIR}/highway" FILES "${CMAKE_CURRENT_LIST_DIR}/highway/CMakeLists.txt")

# --- XNNPACK with pthreadpool and cpuinfo: never a package of the system, the version decides the packed layout.
file(GLOB xnnpack_files "${CMAKE_CURRENT_LIST_DIR}/xnnpack/*")
set(xnnpack_options "")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm|ARM)")
  # Its assembly for one row and for many round in different orders, and differs between cores of one chip; a row must
  # have the same bits alone and among others, on any core. Kernels in C come from one template each.
  list(APPEND xnnpack_options -DXNNPACK_ENABLE_ASSEMBLY=OFF)
endif()
set(xnnpack_paths "")
if(EMSCRIPTEN)
  file(GLOB wasm_files "${CMAKE_CURRENT_LIST_DIR}/wasm/*")
  list(APPEND xnnpack_files ${wasm_files})
  set(xnnpack_paths "-DCMAKE_PROJECT_inkling_xnnpack_INCLUDE=${CMAKE_CURRENT_LIST_DIR}/wasm/xnnpack.cmake")
endif()
inkling_build_dependency(xnnpack INKLING_XNNPACK_PREFIX SANITIZER "${inkling_sanitizer_of_others}"
  NEEDS pthreadpool cpuinfo fp16 fxdiv PROJECT "${CMAKE_CURRENT_LIST_DIR}/xnnpack" FILES ${xnnpack_files}
  OPTIONS ${xnnpack_options} PATHS ${xnnpack_paths})
get_property(INKLING_XNNPACK_COMMIT GLOBAL PROPERTY INKLING_PIN_xnnpack_COMMIT)

include("${CMAKE_CURRENT_LIST_DIR}/cmake/third_party_targets.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/cmake/program_dependencies.cmake")
