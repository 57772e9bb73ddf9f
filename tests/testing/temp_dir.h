// TempDir: a fresh folder for one test, removed with everything in it when the object dies.

#ifndef INKLING_TESTS_TESTING_TEMP_DIR_H_
#define INKLING_TESTS_TESTING_TEMP_DIR_H_

#include <string>
#include <vector>

namespace inkling {

class TempDir {
 public:
  TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();

  const std::string& path() const { return path_; }

  // The path of `name` inside the folder; creates nothing.
  std::string File(const std::string& name) const { return path_ + "/" + name; }

  // Names of what is in the folder, sorted.
  std::vector<std::string> List() const;

 private:
  std::string path_;
};

// Whole files as bytes, for tests that damage them. An unreadable file is an empty string and a
// failed expectation.
std::string ReadFileBytes(const std::string& path);
void WriteFileBytes(const std::string& path, const std::string& bytes);

}  // namespace inkling

#endif  // INKLING_TESTS_TESTING_TEMP_DIR_H_
