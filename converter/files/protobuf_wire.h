// Walks the fields of a serialised protocol buffer, bounds-checked, without a schema.
//
// The readers of SentencePiece models and of MediaPipe's files use it. A damaged message ends the
// walk with an error; nothing is copied.

#ifndef INKLING_CONVERTER_FILES_PROTOBUF_WIRE_H_
#define INKLING_CONVERTER_FILES_PROTOBUF_WIRE_H_

#include <cstdint>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace inkling {

class ProtobufWire {
 public:
  enum class Type : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

  // One field: `bytes` for kBytes, `value` for the other types.
  struct Field {
    uint32_t number = 0;
    Type type = Type::kVarint;
    uint64_t value = 0;
    absl::string_view bytes;

    bool is_bytes() const { return type == Type::kBytes; }
    float as_float() const {
      const uint32_t bits = static_cast<uint32_t>(value);
      float result;
      std::memcpy(&result, &bits, sizeof(result));
      return result;
    }
  };

  explicit ProtobufWire(absl::string_view message) : rest_(message), total_(message.size()) {}

  // Moves to the next field; false at the end or at damage, which status() then tells apart.
  bool Next() {
    if (rest_.empty() || !status_.ok()) return false;
    const uint64_t tag = Varint();
    field_ = {};
    field_.number = static_cast<uint32_t>(tag >> 3);
    field_.type = static_cast<Type>(tag & 7);
    if (tag >> 35 != 0 || field_.number == 0) return Fail("a field number out of range");
    switch (field_.type) {
      case Type::kVarint:
        field_.value = Varint();
        break;
      case Type::kFixed64:
        field_.value = Fixed(8);
        break;
      case Type::kFixed32:
        field_.value = Fixed(4);
        break;
      case Type::kBytes: {
        const uint64_t length = Varint();
        if (length > rest_.size()) return Fail("a length beyond the end");
        field_.bytes = rest_.substr(0, static_cast<size_t>(length));
        rest_.remove_prefix(static_cast<size_t>(length));
        break;
      }
      default:
        return Fail("an unknown wire type");
    }
    return status_.ok();
  }

  const Field& field() const { return field_; }
  const absl::Status& status() const { return status_; }

 private:
  bool Fail(absl::string_view what) {
    if (status_.ok()) {
      status_ = absl::InvalidArgumentError(
          absl::StrCat("protocol buffer: ", what, " at byte ", total_ - rest_.size()));
    }
    return false;
  }

  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const uint64_t byte = static_cast<unsigned char>(rest_[0]);
      rest_.remove_prefix(1);
      value |= (byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    Fail("an unfinished number");
    return 0;
  }

  uint64_t Fixed(size_t size) {
    if (rest_.size() < size) {
      Fail("an unfinished number");
      return 0;
    }
    uint64_t value = 0;
    for (size_t i = size; i > 0; --i) value = value << 8 | static_cast<unsigned char>(rest_[i - 1]);
    rest_.remove_prefix(size);
    return value;
  }

  absl::string_view rest_;
  size_t total_;
  Field field_;
  absl::Status status_;
};

}  // namespace inkling

#endif  // INKLING_CONVERTER_FILES_PROTOBUF_WIRE_H_
