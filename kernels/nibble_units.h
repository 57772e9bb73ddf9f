// The order of int4 weights that BlockMatmul and ChannelMatmul read: units of 32 inputs x 16
// outputs, as block_matmul.h draws them. Used by the two packed forms, while a model is opened.
#ifndef INKLING_KERNELS_NIBBLE_UNITS_H_
#define INKLING_KERNELS_NIBBLE_UNITS_H_

#include <cstddef>
#include <cstdint>

namespace inkling::kernels {

// Writes one output, `lane` of the 16, into consecutive units. `nibbles`: [num_inputs / 2], even
// inputs low. num_inputs: a multiple of kMatmulUnit. `units`: num_inputs / kMatmulUnit units of
// kUnitBytes.
void PackNibbleUnits(const uint8_t* nibbles, size_t num_inputs, size_t lane, uint8_t* units);

// Where consecutive units hold output `lane`'s weight of input `input`: twice the offset of its
// byte, and 1 more for the high nibble.
size_t NibblePlace(size_t lane, size_t input);

}  // namespace inkling::kernels

#endif  // INKLING_KERNELS_NIBBLE_UNITS_H_
