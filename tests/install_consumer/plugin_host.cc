// Opens a plugin, has it open and use a model, and closes it again, many times over.
//
// usage: plugin_host PLUGIN MODEL TIMES. Every time the plugin and Inkling must be gone from the
// process afterwards, with the threads, and memory must not grow.

#include <dlfcn.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>

namespace {

// Whether a file of this name is mapped into the process.
bool IsMapped(const std::string& name) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find(name) != std::string::npos) return true;
  }
  return false;
}

// A number of /proc/self/status, such as Threads or VmRSS (in kB).
long Status(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(key + ":", 0) == 0) return std::stol(line.substr(key.size() + 1));
  }
  return -1;
}

int Fail(int round, const std::string& what) {
  std::cerr << "round " << round << ": " << what << "\n";
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const int times = std::atoi(argv[3]);
  long early_memory = 0;
  for (int round = 1; round <= times; ++round) {
    void* plugin = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (plugin == nullptr) return Fail(round, dlerror());
    auto* run = reinterpret_cast<int (*)(const char*)>(dlsym(plugin, "RunPlugin"));
    if (run == nullptr) return Fail(round, dlerror());
    if (run(argv[2]) != 0) return Fail(round, "the plugin failed");
    if (dlclose(plugin) != 0) return Fail(round, dlerror());
    if (IsMapped("libplugin")) return Fail(round, "the plugin can't be closed");
    if (IsMapped("libinkling")) return Fail(round, "libinkling stays when the plugin goes");
    if (Status("Threads") != 1) return Fail(round, "threads are left");
    if (round == 5) early_memory = Status("VmRSS");
  }
  const long growth = Status("VmRSS") - early_memory;
  std::cout << "memory grew by " << growth << " kB from round 5 to round " << times << "\n";
  return growth > 2048 ? Fail(times, "memory grows") : 0;
}
