// Which inputs are rounded twice: the decoder's rule, and that the converter reckons with it.

#include "converter/quantize/expected_divergence.h"
#include "gtest/gtest.h"
#include "src/decoder/layer_weights.h"
#include "src/format/element_type.h"

namespace inkling {
namespace {

bool HasResidual(const char* weight, TensorType type) {
  const bool has_residual = InputResidual(weight, type) != ResidualQuantization::kNone;
  EXPECT_EQ(InputSteps(weight, type), has_residual ? 255.0 * 127.0 : 255.0) << weight;
  return has_residual;
}

TEST(InputSteps, Int8MatricesThatWriteABlockHaveWideInputs) {
  const TensorType int8 = {ElementType::kInt8Channel, 0};
  EXPECT_TRUE(HasResidual("layers.3.feed_forward.down.weight", int8));
  EXPECT_TRUE(HasResidual("layers.0.attention.output.weight", int8));
  EXPECT_FALSE(HasResidual("layers.0.attention.v.weight", int8));
  EXPECT_FALSE(HasResidual("layers.0.feed_forward.up.weight", int8));
  EXPECT_FALSE(HasResidual("head.weight", int8));
  EXPECT_FALSE(HasResidual("layers.3.feed_forward.down.weight", {ElementType::kInt4Block, 32}));
  EXPECT_FALSE(HasResidual("layers.3.feed_forward.down.weight", {ElementType::kF16, 0}));
}

}  // namespace
}  // namespace inkling
