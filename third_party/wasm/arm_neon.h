// Some of XNNPACK's files ask for arm_neon.h when they are compiled for WebAssembly with SIMD,
// where Emscripten's own stands for a translation of NEON that isn't wanted here.

#ifndef INKLING_THIRD_PARTY_WASM_ARM_NEON_H_
#define INKLING_THIRD_PARTY_WASM_ARM_NEON_H_

#include <wasm_simd128.h>

#endif  // INKLING_THIRD_PARTY_WASM_ARM_NEON_H_
