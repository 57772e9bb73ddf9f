// Linear: every type against a double-precision matmul, and the properties that
// the decoder relies on (threads, batches and row counts never change a bit).

#include "src/compute/linear.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "src/compute/matmul_batch.h"
#include "src/compute/matmul_kernels.h"
#include "src/compute/weight_rows.h"
#include "src/format/element_type.h"
#include "src/format/quantization.h"
#include "tests/compute/owned_weight.h"
#include "tests/compute/random_input.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

bool Never() { return false; }

struct Case {
  int64_t rows;
  int64_t inputs;
  int64_t outputs;
  TensorType type;
  bool has_bias;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.rows << " rows x " << c.inputs << " -> " << c.outputs << " " << TensorTypeName(c.type)
       << (c.has_bias ? " with bias" : "");
}

// Every matmul equals the double-precision one up to a few float roundings of its largest terms.
void ExpectMatchesReference(const Case& c, ThreadPool& pool, MatmulKernelList kernels = {}) {
  const OwnedWeight weight = MakeWeight("w", c.outputs, c.inputs, c.type, /*seed=*/c.outputs);
  const OwnedWeight bias = MakeBias("b", c.outputs, /*seed=*/7);
  const auto packed = NewPackedWeights();
  ASSERT_OK_AND_ASSIGN(Linear linear, Linear::Create(weight.view, c.has_bias ? &bias.view : nullptr,
                                                     *packed, {.kernels = kernels}));
  EXPECT_EQ(linear.num_inputs(), c.inputs);
  EXPECT_EQ(linear.num_outputs(), c.outputs);
  Activations input = RandomInput(c.rows, c.inputs, /*seed=*/c.inputs);
  const bool quantized = linear.input_form().rows != RowForm::kFloat;
  const std::vector<float> output = RunLinear(linear, input, c.rows, pool);
  const std::vector<double> seen = SeenByMatmul(input, c.rows, quantized);
  // Float sums round at each of K terms; integer sums don't.
  const double tolerance = quantized ? 2e-6 : 1e-6 + 6e-8 * static_cast<double>(c.inputs) / 8;
  ExpectMatmulOfDoubles(seen, weight, c.has_bias ? &bias : nullptr, output, tolerance);
}

class LinearTypes : public testing::TestWithParam<TensorType> {};

INSTANTIATE_TEST_SUITE_P(EveryType, LinearTypes, testing::ValuesIn(AllTensorTypes()),
                         [](const auto& info) { return NameOf(info.param); });

TEST_P(LinearTypes, MatchesReferenceAtEveryShape) {
  const auto pool = NewPool(2);
  for (int64_t inputs : {1, 2, 7, 24, 32, 64, 128, 172, 384}) {
    if (!TypeFits(GetParam(), inputs)) continue;
    for (int64_t outputs : {1, 2, 8, 13, 33, 172}) {
      for (int64_t rows : {1, 3, 5, 9}) {
        const Case c = {rows, inputs, outputs, GetParam(), /*has_bias=*/(outputs + rows) % 2 == 0};
        SCOPED_TRACE(testing::PrintToString(c));
        ExpectMatchesReference(c, *pool);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_P(LinearTypes, MatchesReferenceAtLargerShapes) {
  const auto pool = NewPool(2);
  for (const Case& c :
       {Case{33, 2048, 130, GetParam(), false}, Case{17, 384, 1030, GetParam(), true},
        Case{13, 4096, 70, GetParam(), true}}) {
    SCOPED_TRACE(testing::PrintToString(c));
    ExpectMatchesReference(c, *pool);
    if (HasFatalFailure()) return;
  }
}

// The whole path against the float weights and rows that it started from.
TEST_P(LinearTypes, StaysCloseToFloat) {
  constexpr int64_t kRows = 8, kInputs = 512, kOutputs = 96;
  const OwnedWeight weight = MakeWeight("w", kOutputs, kInputs, GetParam(), 3);
  const auto packed = NewPackedWeights();
  const auto pool = NewPool(1);
  ASSERT_OK_AND_ASSIGN(Linear linear, Linear::Create(weight.view, nullptr, *packed));
  Activations input = RandomInput(kRows, kInputs, 4);
  const std::vector<float> output = RunLinear(linear, input, kRows, *pool);
  double error = 0, norm = 0;
  for (int64_t m = 0; m < kRows; ++m) {
    for (int64_t n = 0; n < kOutputs; ++n) {
      double sum = 0;
      for (int64_t k = 0; k < kInputs; ++k) {
        sum += static_cast<double>(input.rows()[m * kInputs + k]) * weight.source[n * kInputs + k];
      }
      error += std::pow(output[m * kOutputs + n] - sum, 2);
      norm += sum * sum;
    }
  }
  const ElementType element = GetParam().element;
  const bool int4 = element == ElementType::kInt4Channel || element == ElementType::kInt4Block;
  EXPECT_LT(std::sqrt(error / norm), int4 ? 0.15 : 0.015);
}

// `num_inputs` inputs: some CPUs have matmuls of our own for multiples of 32 only.
void ExpectThreadsAndBatchesDontChangeABit(TensorType type, int64_t num_inputs) {
  constexpr int64_t kRows = 11, kOutputs = 331;  // two slices
  const OwnedWeight weight = MakeWeight("w", kOutputs, num_inputs, type, 5);
  const OwnedWeight bias = MakeBias("b", kOutputs, 6);
  const auto packed = NewPackedWeights();
  ASSERT_OK_AND_ASSIGN(Linear linear, Linear::Create(weight.view, &bias.view, *packed));
  const auto one = NewPool(1);
  const auto two = NewPool(2);
  const auto three = NewPool(3);
  Activations input = RandomInput(kRows, num_inputs, 8);
  const std::vector<float> expected = RunLinear(linear, input, kRows, *one);
  EXPECT_EQ(RunLinear(linear, input, kRows, *two), expected);
  EXPECT_EQ(RunLinear(linear, input, kRows, *three), expected);
  Activations row = NewActivations(1, num_inputs);
  const size_t row_bytes = static_cast<size_t>(num_inputs) * sizeof(float);
  for (int64_t m = 0; m < kRows; ++m) {
    std::memcpy(row.BeginRows(), input.rows() + m * num_inputs, row_bytes);
    const std::vector<float> alone = RunLinear(linear, row, 1, *two);
    EXPECT_EQ(std::memcmp(alone.data(), expected.data() + m * kOutputs, kOutputs * sizeof(float)),
              0)
        << "row " << m;
  }
}

TEST_P(LinearTypes, ThreadsAndBatchesDontChangeABit) {
  for (int64_t num_inputs : {384, 374}) {
    if (!TypeFits(GetParam(), num_inputs)) continue;
    SCOPED_TRACE(num_inputs);
    ExpectThreadsAndBatchesDontChangeABit(GetParam(), num_inputs);
  }
}

TEST_P(LinearTypes, RowCountsMayChangeAtEveryRun) {
  constexpr int64_t kMaxRows = 20, kInputs = 128, kOutputs = 40;
  const OwnedWeight weight = MakeWeight("w", kOutputs, kInputs, GetParam(), 9);
  const auto packed = NewPackedWeights();
  const auto pool = NewPool(2);
  ASSERT_OK_AND_ASSIGN(Linear linear, Linear::Create(weight.view, nullptr, *packed));
  Activations input = RandomInput(kMaxRows, kInputs, 10);
  const std::vector<float> all = RunLinear(linear, input, kMaxRows, *pool);
  for (int64_t rows : {1, 20, 2, 1, 7, 20, 3}) {
    const std::vector<float> some = RunLinear(linear, input, rows, *pool);
    EXPECT_EQ(std::memcmp(some.data(), all.data(), some.size() * sizeof(float)), 0) << rows;
  }
  EXPECT_OK(linear.Run(input, 0, nullptr, *pool));
}

TEST_P(LinearTypes, RefusesRowsThatTheInputDoesNotHave) {
  const OwnedWeight weight = MakeWeight("layers.3.w", 8, 128, GetParam(), 1);
  const auto packed = NewPackedWeights();
  const auto pool = NewPool(1);
  ASSERT_OK_AND_ASSIGN(Linear linear, Linear::Create(weight.view, nullptr, *packed));
  std::vector<float> output(64);
  Activations narrow = RandomInput(4, 127, 1);
  EXPECT_THAT(linear.Run(narrow, 1, output.data(), *pool),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"layers.3.w", "128", "127"}));
  Activations input = RandomInput(4, 128, 1);
  EXPECT_THAT(linear.Run(input, 5, output.data(), *pool),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"layers.3.w", "0 to 4", "5"}));
  EXPECT_THAT(linear.Run(input, -1, output.data(), *pool),
              MatchesStatus(absl::StatusCode::kInvalidArgument));
  EXPECT_OK(linear.Run(input, 4, output.data(), *pool));
  // Fewer rows are made ready anew, and rows that were changed.
  const std::vector<float> all = output;
  EXPECT_OK(linear.Run(input, 3, output.data(), *pool));
  EXPECT_EQ(output, all);
  std::fill_n(input.BeginRows(), 4 * 128, 0.0f);
  EXPECT_OK(linear.Run(input, 4, output.data(), *pool));
  EXPECT_EQ(std::vector<float>(output.begin(), output.begin() + 32), std::vector<float>(32));
  // Rows that nobody was to read in the matmul's form have no room for it.
  ASSERT_OK_AND_ASSIGN(Activations others, Activations::Create(4, 128, {}));
  const absl::Status status = linear.Run(others, 4, output.data(), *pool);
  if (linear.input_form().rows == RowForm::kFloat) {
    EXPECT_OK(status);
  } else {
    EXPECT_THAT(status,
                MatchesStatus(absl::StatusCode::kFailedPrecondition, {"layers.3.w", "room"}));
  }
}

TEST_P(LinearTypes, SlicesCoverTheOutputsAndWriteNothingElse) {
  constexpr int64_t kRows = 3, kInputs = 256;
  const auto pool = NewPool(1);
  for (int64_t outputs : {1, 128, 255, 256, 700}) {
    const OwnedWeight weight = MakeWeight("w", outputs, kInputs, GetParam(), 2);
    const auto packed = NewPackedWeights();
    ASSERT_OK_AND_ASSIGN(Linear linear, Linear::Create(weight.view, nullptr, *packed));
    EXPECT_EQ(linear.num_slices(), static_cast<size_t>(std::max<int64_t>(1, outputs / 128)));
    Activations input = RandomInput(kRows, kInputs, 3);
    const std::vector<float> whole = RunLinear(linear, input, kRows, *pool);  // prepares the input
    int64_t next = 0;
    for (size_t i = 0; i < linear.num_slices(); ++i) {
      const MatrixSlice slice = linear.slice(i);
      EXPECT_EQ(slice.first, next);
      next += slice.size;
      std::vector<float> output(whole.size(), -1e30f);
      ASSERT_OK(linear.RunSlice(i, input, kRows, output.data()));
      for (int64_t j = 0; j < kRows * outputs; ++j) {
        const bool inside = j % outputs >= slice.first && j % outputs < next;
        ASSERT_EQ(output[j], inside ? whole[j] : -1e30f) << "slice " << i << ", value " << j;
      }
    }
    EXPECT_EQ(next, outputs);
    EXPECT_EQ(MatrixSlices(outputs, kInputs).largest(),
              linear.slice(linear.num_slices() - 1).size);  // none is larger than the last
    ASSERT_OK_AND_ASSIGN(Linear compact, Linear::Create(weight.view, nullptr, *packed,
                                                        {.slice_output = SliceOutput::kCompact}));
    for (size_t i = 0; i < compact.num_slices(); ++i) {
      const MatrixSlice slice = compact.slice(i);
      std::vector<float> output(static_cast<size_t>(kRows * slice.size));
      ASSERT_OK(compact.RunSlice(i, input, kRows, output.data()));
      for (int64_t row = 0; row < kRows; ++row) {
        ASSERT_EQ(std::memcmp(output.data() + row * slice.size,
                              whole.data() + row * outputs + slice.first,
                              static_cast<size_t>(slice.size) * sizeof(float)),
                  0);
      }
    }
    std::vector<float> output(whole.size());
    EXPECT_THAT(compact.Run(input, kRows, output.data(), *pool),
                MatchesStatus(absl::StatusCode::kFailedPrecondition, {"matmul with w"}));
  }
}

TEST_P(LinearTypes, MatmulsOfOneRegionEqualMatmulsAlone) {
  constexpr int64_t kRows = 5, kInputs = 512;
  const auto packed = NewPackedWeights();
  const auto pool = NewPool(3);
  Activations input = RandomInput(kRows, kInputs, 3);
  std::vector<Linear> linears;
  std::vector<std::vector<float>> expected, found;
  std::vector<MatmulCall> matmuls;
  for (int64_t outputs : {300, 7, 1030}) {
    const OwnedWeight weight =
        MakeWeight("w" + std::to_string(outputs), outputs, kInputs, GetParam(), 2);
    ASSERT_OK_AND_ASSIGN(Linear linear, Linear::Create(weight.view, nullptr, *packed));
    expected.push_back(RunLinear(linear, input, kRows, *pool));
    found.emplace_back(expected.back().size());
    linears.push_back(std::move(linear));
  }
  for (size_t i = 0; i < linears.size(); ++i) matmuls.push_back({&linears[i], found[i].data()});
  ASSERT_OK(RunMatmuls(matmuls, input, kRows, *pool, Never));
  EXPECT_EQ(found, expected);
  EXPECT_OK(RunMatmuls({}, input, kRows, *pool, Never));
  EXPECT_THAT(RunMatmuls(std::vector<MatmulCall>(9, matmuls[0]), input, kRows, *pool, Never),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"at most 8", "found 9"}));
}

// Every kernel of the list, also those behind the first that supports a matrix: XNNPACK's are what
// all the other CPUs run.
TEST(LinearKernels, EachMatchesReference) {
  const auto pool = NewPool(2);
  for (const MatmulKernel* kernel : MatmulKernels()) {
    if (!kernel->runs_here() || !kernel->packs) continue;
    for (const TensorType& type : AllTensorTypes()) {
      for (int64_t inputs : {32, 96, 384}) {
        if (!TypeFits(type, inputs) || !kernel->supports(PackedType(type), inputs)) continue;
        for (int64_t rows : {1, 5, 17}) {
          const Case c = {rows, inputs, 130, type, true};
          SCOPED_TRACE(testing::Message() << kernel->name << ": " << testing::PrintToString(c));
          ExpectMatchesReference(c, *pool, {&kernel, 1});
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

TEST(LinearKernels, ListSaysWhatItsEntriesAre) {
  std::vector<absl::string_view> names;
  for (const MatmulKernel* kernel : MatmulKernels()) {
    EXPECT_FALSE(kernel->description.empty()) << kernel->name;
    EXPECT_EQ(&MatmulKernelNamed(kernel->name), kernel);
    EXPECT_EQ(std::count(names.begin(), names.end(), kernel->name), 0) << kernel->name;
    names.push_back(kernel->name);
  }
  for (const TensorType& type : AllTensorTypes()) {
    const MatmulKernel* kernel = FindMatmulKernel(MatmulKernelsOfThisCpu(), PackedType(type), 384);
    ASSERT_NE(kernel, nullptr);
    EXPECT_TRUE(kernel->runs_here() && kernel->packs);
  }
  EXPECT_EQ(FindMatmulKernel({}, {ElementType::kF32}, 384), nullptr);
}

TEST(LinearKernels, NoKernelIsAnError) {
  const OwnedWeight weight = MakeWeight("layers.3.w", 8, 128, {ElementType::kInt8Channel}, 1);
  const auto packed = NewPackedWeights();
  const MatmulKernel* const packs_nothing[] = {&MatmulKernelNamed("dequantized")};
  EXPECT_THAT(Linear::Create(weight.view, nullptr, *packed, {.kernels = packs_nothing}),
              MatchesStatus(absl::StatusCode::kUnimplemented, {"layers.3.w", "int8", "128"}));
}

TEST(ForEachSliceTest, RunsEachOnceAndReturnsTheFirstError) {
  constexpr size_t kCount = 100;
  const auto pool = NewPool(3);
  for (int64_t multiply_adds : {int64_t{1}, int64_t{1} << 40}) {
    std::vector<std::atomic<int>> calls(kCount);
    EXPECT_OK(ForEachSlice(kCount, multiply_adds, *pool, Never, [&](size_t i, size_t) {
      ++calls[i];
      return absl::OkStatus();
    }));
    for (const std::atomic<int>& count : calls) EXPECT_EQ(count, 1);
    EXPECT_THAT(ForEachSlice(kCount, multiply_adds, *pool, Never,
                             [&](size_t i, size_t) {
                               return i == 40 ? absl::InternalError("slice 40") : absl::OkStatus();
                             }),
                MatchesStatus(absl::StatusCode::kInternal, {"slice 40"}));
  }
}

TEST(ForEachSliceTest, StopsWhenItIsToldTo) {
  constexpr size_t kCount = 100;
  const std::thread::id caller = std::this_thread::get_id();
  for (int32_t threads : {1, 3}) {
    const auto pool = NewPool(threads);
    for (int64_t multiply_adds : {int64_t{1}, int64_t{1} << 40}) {
      std::atomic<size_t> calls{0};
      std::atomic<int> asked{0};
      const auto stop = [&] { return ++asked == 3; };
      const auto run = [&](size_t, size_t worker) {
        EXPECT_LT(worker, static_cast<size_t>(threads));
        if (std::this_thread::get_id() == caller) ++calls;
        // The others leave the slices to the caller, which is the one that asks. How many they
        // still take before they see that it is over, nobody knows.
        while (std::this_thread::get_id() != caller && asked < 3) std::this_thread::yield();
        return absl::OkStatus();
      };
      EXPECT_THAT(ForEachSlice(kCount, multiply_adds, *pool, stop, run),
                  MatchesStatus(absl::StatusCode::kCancelled));
      EXPECT_EQ(asked, 3);
      EXPECT_EQ(calls, 2u);  // of the caller
    }
  }
}

TEST(LinearPacking, SaysWhichRowsArePacked) {
  constexpr int64_t kOutputs = 2600, kInputs = 4096;
  const OwnedWeight weight = MakeWeight("w", kOutputs, kInputs, {ElementType::kF32}, 2);
  const auto packed = NewPackedWeights();
  std::vector<int64_t> begins, ends;
  const auto listen = [&](int64_t first, int64_t count) {
    begins.push_back(first);
    ends.push_back(first + count);
  };
  ASSERT_OK(Linear::Create(weight.view, nullptr, *packed, {}, listen));
  ASSERT_EQ(begins.size(), 2u);  // 42 MB in pieces of 16 MiB or a little more
  EXPECT_EQ(begins[0], 0);
  EXPECT_EQ(begins[1], ends[0]);
  EXPECT_GE(ends[0] * kInputs * int64_t{sizeof(float)}, int64_t{16} << 20);
  EXPECT_LE(ends[1], kOutputs);
}

// f16 and bf16 are packed through pieces of some hundred rows; nobody may see the seams.
TEST(LinearConversion, PiecesEqualTheWhole) {
  for (ElementType element : {ElementType::kF16, ElementType::kBf16}) {
    for (int64_t outputs : {1, 255, 512, 516, 1031}) {
      const OwnedWeight narrow = MakeWeight("narrow", outputs, 4096, {element}, 2);
      OwnedWeight wide = MakeWeight("wide", outputs, 4096, {ElementType::kF32}, 2);
      std::memcpy(wide.values.data(), narrow.dequantized.data(), wide.values.size());
      const OwnedWeight bias = MakeBias("b", outputs, 3);
      const auto packed = NewPackedWeights();
      const auto pool = NewPool(2);
      ASSERT_OK_AND_ASSIGN(Linear expected, Linear::Create(wide.view, &bias.view, *packed));
      const int64_t whole_bytes = packed->packed_bytes();
      ASSERT_OK_AND_ASSIGN(Linear linear, Linear::Create(narrow.view, &bias.view, *packed));
      EXPECT_EQ(packed->packed_bytes(), 2 * whole_bytes) << outputs;
      Activations input = RandomInput(3, 4096, 4);
      EXPECT_EQ(RunLinear(linear, input, 3, *pool), RunLinear(expected, input, 3, *pool))
          << outputs;
    }
  }
}

TEST(LinearKernels, TheClassOfThisCpuIsKnown) {
  const std::string name = XnnpackKernelClass();
  EXPECT_NE(name, "none");
  EXPECT_EQ(DescribeMatmulKernels().substr(0, name.size()), name);
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512vnni")) {
    EXPECT_TRUE(name == "avx512vnni" || name == "avx512amx") << name;
  } else if (__builtin_cpu_supports("avx512bw")) {
    EXPECT_EQ(name, "avx512");
  } else if (__builtin_cpu_supports("avx2")) {
    EXPECT_TRUE(name == "avx2" || name == "avxvnni") << name;
  }
#endif
}

}  // namespace
}  // namespace inkling
