# Every dependency of Inkling as an imported target; the top-level CMakeLists.txt includes this file once.
#
# Gives: absl::*, flatbuffers::flatbuffers (headers) and INKLING_FLATC, hwy::hwy, XNNPACK, pthreadpool; and through
# inkling_require_<name>(): GTest::gtest{,_main}, benchmark::benchmark, nlohmann_json::nlohmann_json, CLI11::CLI11.
# Order for each: its source folder, an installed package that is new enough, upstream at the commit of pins.cmake.

include("${CMAKE_CURRENT_LIST_DIR}/cmake/build_dependency.cmake")

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

# --- abseil: C++17 with its options pinned, so that C++17 and C++20 consumers see one ABI.
inkling_has_source(abseil has_source)
if(NOT has_source AND inkling_installed_packages_fit)
  find_package(absl 20260526 CONFIG QUIET)
endif()
if(NOT absl_FOUND)
  inkling_build_dependency(abseil INKLING_ABSEIL_PREFIX SANITIZER "${inkling_sanitizer_of_abseil}"
    OPTIONS -DCMAKE_CXX_STANDARD=17 -DABSL_PROPAGATE_CXX_STD=ON -DABSL_ENABLE_INSTALL=ON -DABSL_BUILD_TESTING=OFF
      -DABSL_USE_GOOGLETEST_HEAD=OFF)
  find_package(absl CONFIG REQUIRED PATHS "${INKLING_ABSEIL_PREFIX}" NO_DEFAULT_PATH)
endif()

# --- flatbuffers: headers for us, the compiler flatc for the build; always built for this machine.
inkling_has_source(flatbuffers has_source)
if(NOT has_source AND inkling_installed_packages_fit)
  find_package(flatbuffers 23.5.26 CONFIG QUIET)
  find_program(INKLING_FLATC flatc)
endif()
if(NOT (flatbuffers_FOUND AND INKLING_FLATC))
  inkling_build_dependency(flatbuffers INKLING_FLATBUFFERS_PREFIX HOST
    OPTIONS -DFLATBUFFERS_BUILD_TESTS=OFF -DFLATBUFFERS_BUILD_FLATLIB=OFF -DFLATBUFFERS_BUILD_FLATC=ON
      -DFLATBUFFERS_BUILD_FLATHASH=OFF -DFLATBUFFERS_INSTALL=ON
      -DCMAKE_CXX_FLAGS_RELEASE=-O0)  # flatc reads two small schemas: optimising it costs a minute and gains nothing
  set(INKLING_FLATC "${INKLING_FLATBUFFERS_PREFIX}/bin/flatc" CACHE FILEPATH "The flatbuffers compiler" FORCE)
  if(NOT TARGET flatbuffers::flatbuffers)
    add_library(flatbuffers::flatbuffers INTERFACE IMPORTED)
    set_target_properties(flatbuffers::flatbuffers PROPERTIES
      INTERFACE_INCLUDE_DIRECTORIES "${INKLING_FLATBUFFERS_PREFIX}/include")
  endif()
endif()

# --- Highway: portable SIMD for kernels/.
inkling_has_source(highway has_source)
if(NOT has_source AND inkling_installed_packages_fit)
  find_package(hwy 1.3.0 CONFIG QUIET)
endif()
if(NOT hwy_FOUND)
  inkling_build_dependency(highway INKLING_HIGHWAY_PREFIX SANITIZER "${inkling_sanitizer_of_others}"
    OPTIONS -DHWY_ENABLE_CONTRIB=OFF -DHWY_ENABLE_EXAMPLES=OFF -DHWY_ENABLE_TESTS=OFF -DHWY_ENABLE_INSTALL=ON)
  find_package(hwy CONFIG REQUIRED PATHS "${INKLING_HIGHWAY_PREFIX}" NO_DEFAULT_PATH)
endif()

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
set(inkling_third_party_prefix "${INKLING_XNNPACK_PREFIX}")
include("${CMAKE_CURRENT_LIST_DIR}/cmake/third_party_targets.cmake")
add_library(XNNPACK INTERFACE)
target_link_libraries(XNNPACK INTERFACE inkling_third_party::XNNPACK)
add_library(pthreadpool INTERFACE)
target_link_libraries(pthreadpool INTERFACE inkling_third_party::pthreadpool)
get_property(INKLING_XNNPACK_COMMIT GLOBAL PROPERTY INKLING_PIN_xnnpack_COMMIT)

include("${CMAKE_CURRENT_LIST_DIR}/cmake/program_dependencies.cmake")
