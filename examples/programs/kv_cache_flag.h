// The values of --kv-cache, which most programs take.

#ifndef INKLING_EXAMPLES_PROGRAMS_KV_CACHE_FLAG_H_
#define INKLING_EXAMPLES_PROGRAMS_KV_CACHE_FLAG_H_

#include <map>
#include <string>

#include "inkling/llm_options.h"

namespace inkling {

inline constexpr char kKvCacheHelp[] = "Cache element type: f16, f32 or int8";

// By what the flag is given.
inline const std::map<std::string, KvCacheType>& KvCacheTypes() {
  static const auto& types = *new std::map<std::string, KvCacheType>{
      {"f16", KvCacheType::kFloat16}, {"f32", KvCacheType::kFloat32}, {"int8", KvCacheType::kInt8}};
  return types;
}

}  // namespace inkling

#endif  // INKLING_EXAMPLES_PROGRAMS_KV_CACHE_FLAG_H_
