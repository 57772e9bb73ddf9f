// Says for each line of JSON on stdin, [key, name, ...], which of the names the key of a
// rank_pattern matches: [true, false, ...], or what is wrong with the key, as a string.

#include <cstdio>
#include <iostream>
#include <string>

#include "converter/lora/module_pattern.h"
#include "nlohmann/json.hpp"

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    const auto given = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!given.is_array() || given.empty()) return 2;
    const auto pattern = inkling::ModulePattern::Make(given[0].get<std::string>());
    nlohmann::json answer = nlohmann::json::array();
    if (!pattern.ok()) answer = std::string(pattern.status().message());
    for (size_t i = 1; pattern.ok() && i < given.size(); ++i) {
      const auto matches = pattern->Matches(given[i].get<std::string>());
      answer.push_back(matches.ok() && *matches);
    }
    std::puts(answer.dump().c_str());
  }
}
