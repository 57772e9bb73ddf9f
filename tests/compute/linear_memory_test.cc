// What Linear reads while it packs: nothing behind the weights that it was given.
//
// A model file is mapped and may end where its last page does; the page behind isn't readable. Here
// the weights end at such a place, so that reading on ends the test. XNNPACK's packing loads rows
// in units of 8 bytes, so rows of a broken number of them are what matters.

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "src/compute/linear.h"
#include "tests/compute/owned_weight.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

// A copy of `bytes` that ends where readable memory does.
class BytesBeforeTheEnd {
 public:
  explicit BytesBeforeTheEnd(const std::vector<std::byte>& bytes) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    readable_ = (bytes.size() + page - 1) / page * page;
    mapped_ = readable_ + page;
    void* start =
        mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) return;
    start_ = static_cast<std::byte*>(start);
    data_ = start_ + readable_ - bytes.size();
    if (!bytes.empty()) std::memcpy(data_, bytes.data(), bytes.size());
    guarded_ = mprotect(start_ + readable_, page, PROT_NONE) == 0;
  }
  BytesBeforeTheEnd(const BytesBeforeTheEnd&) = delete;
  BytesBeforeTheEnd& operator=(const BytesBeforeTheEnd&) = delete;
  ~BytesBeforeTheEnd() {
    if (start_ != nullptr) munmap(start_, mapped_);
  }

  bool guarded() const { return guarded_; }
  const std::byte* data() const { return data_; }

 private:
  size_t readable_ = 0;
  size_t mapped_ = 0;
  std::byte* start_ = nullptr;
  std::byte* data_ = nullptr;
  bool guarded_ = false;
};

class LinearMemoryTypes : public testing::TestWithParam<TensorType> {};

INSTANTIATE_TEST_SUITE_P(EveryType, LinearMemoryTypes, testing::ValuesIn(AllTensorTypes()),
                         [](const auto& info) { return NameOf(info.param); });

TEST_P(LinearMemoryTypes, NothingBehindTheWeightsIsRead) {
  const int64_t most_inputs = GetParam().element == ElementType::kInt4Block ? 384 : 41;
  for (int64_t inputs = 1; inputs <= most_inputs; ++inputs) {
    if (!TypeFits(GetParam(), inputs)) continue;
    for (int64_t outputs : {1, 7, 16, 33}) {
      SCOPED_TRACE(testing::Message() << inputs << " inputs, " << outputs << " outputs");
      const OwnedWeight weight = MakeWeight("w", outputs, inputs, GetParam(), /*seed=*/1);
      const BytesBeforeTheEnd values(weight.values);
      const BytesBeforeTheEnd scales(weight.scales);
      if (!values.guarded() || !scales.guarded()) GTEST_SKIP() << "no page can be made unreadable";
      TensorView view = weight.view;
      view.values = values.data();
      if (view.scales != nullptr) view.scales = scales.data();
      ASSERT_OK_AND_ASSIGN(const auto packed, PackedWeights::Create(int64_t{1} << 20));
      EXPECT_OK(Linear::Create(view, /*bias=*/nullptr, *packed));
    }
  }
}

}  // namespace
}  // namespace inkling
