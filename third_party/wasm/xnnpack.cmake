# What third_party/xnnpack/CMakeLists.txt needs beforehand to be built for WebAssembly: XNNPACK's own CMake doesn't know
# it, though its sources do.
#
# dependencies.cmake has CMake include this right after that project begins (CMAKE_PROJECT_<name>_INCLUDE).

# cpuinfo's CMake does know it, so it comes first, under its own system name.
set(CPUINFO_LIBRARY_TYPE static CACHE STRING "")
foreach(part TOOLS UNIT_TESTS MOCK_TESTS BENCHMARKS)
  set(CPUINFO_BUILD_${part} OFF CACHE BOOL "")
endforeach()
add_subdirectory("${INKLING_SOURCE_OF_cpuinfo}" cpuinfo EXCLUDE_FROM_ALL)

# The rest is told that this is Linux on a processor called wasm; pthreadpool would leave out its threads for EMSCRIPTEN.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR wasm)
set(EMSCRIPTEN "")
include_directories(BEFORE SYSTEM "${CMAKE_CURRENT_LIST_DIR}")  # our arm_neon.h

# ../xnnpack/CMakeLists.txt calls this when XNNPACK's targets exist.
function(inkling_add_wasm_kernels)
  set(source "${INKLING_SOURCE_OF_xnnpack}")
  include("${source}/cmake/gen/wasm_microkernels.cmake")
  include("${source}/cmake/gen/wasmsimd_microkernels.cmake")
  list(TRANSFORM PROD_WASM_MICROKERNEL_SRCS PREPEND "${source}/")
  list(TRANSFORM PROD_WASMSIMD_MICROKERNEL_SRCS PREPEND "${source}/")
  target_sources(microkernels-prod PRIVATE ${PROD_WASM_MICROKERNEL_SRCS} ${PROD_WASMSIMD_MICROKERNEL_SRCS})
endfunction()
