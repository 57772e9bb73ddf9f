# Cross-compiles for WebAssembly with SIMD and threads, by emscripten; programs run under node.
#
# Used by the preset wasm. Finds Debian's emscripten, else that of the emsdk whose environment is active. How programs
# are linked is in ../cmake/wasm_programs.cmake: dependencies don't depend on it, so it may change without building them.
set(emscripten_folder /usr/share/emscripten)
if(NOT EXISTS "${emscripten_folder}" AND DEFINED ENV{EMSDK})
  set(emscripten_folder "$ENV{EMSDK}/upstream/emscripten")
endif()
set(EMSCRIPTEN_ROOT_PATH "${emscripten_folder}" CACHE PATH "Emscripten's installation")
if(NOT EXISTS "${EMSCRIPTEN_ROOT_PATH}/cmake/Modules/Platform/Emscripten.cmake")
  message(FATAL_ERROR "Inkling: no emscripten in ${EMSCRIPTEN_ROOT_PATH}: third_party/install_packages.sh wasm installs "
    "Debian's; elsewhere activate an emsdk or set EMSCRIPTEN_ROOT_PATH")
endif()
set(EMSCRIPTEN_SYSTEM_PROCESSOR wasm32)
# Debian's emscripten finds the modules of its JavaScript tools only so; links happen now (checks) and in the build.
set(ENV{NODE_PATH} /usr/share/nodejs)
set(CMAKE_C_LINKER_LAUNCHER env NODE_PATH=/usr/share/nodejs)
set(CMAKE_CXX_LINKER_LAUNCHER env NODE_PATH=/usr/share/nodejs)
# With node's own fetch, emscripten 3.1 would ask it for the .wasm file.
set(CMAKE_CROSSCOMPILING_EMULATOR node --no-experimental-fetch)
include("${EMSCRIPTEN_ROOT_PATH}/cmake/Modules/Platform/Emscripten.cmake")
# Packages are only taken from prefixes that are named (NO_DEFAULT_PATH), which this mode lets through.
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE BOTH)
set(CMAKE_C_FLAGS_INIT "-msimd128 -pthread")
set(CMAKE_CXX_FLAGS_INIT "-msimd128 -pthread")
