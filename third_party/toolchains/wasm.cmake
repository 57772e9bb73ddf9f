# Cross-compiles for WebAssembly with SIMD and threads, by Debian's emscripten; programs run under node.
#
# Used by the preset wasm. A page that embeds the result needs cross-origin isolation, as every page with threads does.
set(EMSCRIPTEN_ROOT_PATH /usr/share/emscripten CACHE PATH "Emscripten's installation")
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
# Programs read this machine's files, may grow, and start threads without going back to the event loop.
set(CMAKE_EXE_LINKER_FLAGS_INIT "-sNODERAWFS=1 -sALLOW_MEMORY_GROWTH=1 -sMAXIMUM_MEMORY=4GB -sPTHREAD_POOL_SIZE=8 \
-sEXIT_RUNTIME=1 -sTOTAL_STACK=2MB -Wno-pthreads-mem-growth")
