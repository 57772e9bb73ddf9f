// Some of XNNPACK's files ask for arm_neon.h when they are compiled for WebAssembly with SIMD, where
// Emscripten's own stands for a translation of NEON that isn't wanted here.
#include <wasm_simd128.h>
