// FindTensors of stored_tensors.h: what the config promises against what the container holds.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "src/format/stored_tensors.h"

namespace inkling {
namespace {

absl::Status Mismatch(absl::string_view tensor, absl::string_view what, absl::string_view expected,
                      absl::string_view found) {
  return absl::InvalidArgumentError(
      absl::StrCat("tensor ", tensor, ": ", what, ": expected ", expected, ", found ", found));
}

std::string ShapeText(const std::vector<int32_t>& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

absl::Status CheckShape(const ContainerTensor& stored, const std::vector<int64_t>& expected) {
  const std::vector<int64_t> found(stored.shape.begin(), stored.shape.end());
  if (found == expected) return absl::OkStatus();
  return Mismatch(stored.name, "shape", absl::StrCat("[", absl::StrJoin(expected, ", "), "]"),
                  ShapeText(stored.shape));
}

absl::Status CheckBytes(const ContainerTensor& stored, int64_t expected) {
  if (stored.extent.size == expected) return absl::OkStatus();
  return Mismatch(stored.name, "bytes", absl::StrCat(expected), absl::StrCat(stored.extent.size));
}

class TensorFinder {
 public:
  TensorFinder(const Container& container, absl::Span<const std::byte> file)
      : container_(container), file_(file) {}

  absl::Status Index() {
    for (size_t i = 0; i < container_.tensors.size(); ++i) {
      if (by_name_.try_emplace(container_.tensors[i].name, i).second) continue;
      return absl::InvalidArgumentError(absl::StrCat("container: expected one tensor ",
                                                     container_.tensors[i].name, ", found two"));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<TensorView> Find(const TensorInfo& info) {
    const auto found = by_name_.find(info.name);
    if (found == by_name_.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor ", info.name, ": expected by the config, found none"));
    }
    const ContainerTensor& stored = container_.tensors[found->second];
    ++num_found_;
    ABSL_RETURN_IF_ERROR(CheckShape(stored, info.is_vector
                                                ? std::vector<int64_t>{info.columns}
                                                : std::vector<int64_t>{info.rows, info.columns}));
    TensorView view;
    view.info = info;
    ABSL_ASSIGN_OR_RETURN(view.type, TypeOf(stored, info));
    if (!TypeAllowed(info.role, view.type) || !TypeFits(view.type, info.columns)) {
      return Mismatch(info.name, "type", "one that its role and columns allow",
                      TensorTypeName(view.type));
    }
    ABSL_ASSIGN_OR_RETURN(view.value_bytes, ValueBytes(view.type, info.rows, info.columns));
    ABSL_RETURN_IF_ERROR(CheckBytes(stored, view.value_bytes));
    view.values = file_.data() + stored.extent.offset;
    ABSL_ASSIGN_OR_RETURN(view.scale_bytes, ScaleBytes(view.type, info.rows, info.columns));
    if (view.scale_bytes == 0) return view;
    return WithScales(view, stored);
  }

  // Every tensor of the container has been found.
  absl::Status CheckNoneLeft() const {
    if (num_found_ == container_.tensors.size()) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("container: expected the config's ", num_found_,
                                                   " tensors (with their scales), found ",
                                                   container_.tensors.size()));
  }

 private:
  absl::StatusOr<TensorType> TypeOf(const ContainerTensor& stored, const TensorInfo& info) const {
    const bool has_scales = stored.scale_tensor >= 0;
    const bool is_quantised =
        stored.type == wire::TensorType::INT8 || stored.type == wire::TensorType::INT4;
    if (has_scales != is_quantised) {
      return Mismatch(stored.name, "scales", is_quantised ? "a scale tensor" : "none",
                      has_scales ? "one" : "none");
    }
    switch (stored.type) {
      case wire::TensorType::FLOAT32:
        return TensorType{ElementType::kF32, 0};
      case wire::TensorType::FLOAT16:
        return TensorType{ElementType::kF16, 0};
      case wire::TensorType::BFLOAT16:
        return TensorType{ElementType::kBf16, 0};
      case wire::TensorType::INT8:
        if (stored.block_size == info.columns) return TensorType{ElementType::kInt8Channel, 0};
        return Mismatch(stored.name, "block size", absl::StrCat(info.columns),
                        absl::StrCat(stored.block_size));
      case wire::TensorType::INT4:
        return Int4Type(stored, info);
    }
    return absl::UnimplementedError(absl::StrCat("tensor ", stored.name, ": TFLite type ",
                                                 static_cast<int>(stored.type),
                                                 " is not supported by this version"));
  }

  // A row of 32, 64 or 128 columns is one block either way; the scale's type tells them apart.
  absl::StatusOr<TensorType> Int4Type(const ContainerTensor& stored, const TensorInfo& info) const {
    const auto scale_index = static_cast<size_t>(stored.scale_tensor);
    const bool per_block = scale_index < container_.tensors.size() &&
                           container_.tensors[scale_index].type == wire::TensorType::BFLOAT16;
    if (!per_block && stored.block_size == info.columns)
      return TensorType{ElementType::kInt4Channel, 0};
    const TensorType type = {ElementType::kInt4Block, stored.block_size};
    if (per_block && TypeFits(type, info.columns)) return type;
    return Mismatch(stored.name, "block size", "32, 64, 128 or the row's length, dividing it",
                    absl::StrCat(stored.block_size));
  }

  absl::StatusOr<TensorView> WithScales(TensorView view, const ContainerTensor& stored) {
    const auto index = static_cast<size_t>(stored.scale_tensor);
    const std::string name = absl::StrCat(stored.name, ".scale");
    if (index >= container_.tensors.size() || container_.tensors[index].name != name) {
      return Mismatch(
          stored.name, "scales", absl::StrCat("tensor ", name),
          index < container_.tensors.size() ? container_.tensors[index].name : "no such tensor");
    }
    const ContainerTensor& scales = container_.tensors[index];
    ++num_found_;
    const bool per_block = view.type.element == ElementType::kInt4Block;
    if (scales.scale_tensor >= 0) return Mismatch(name, "scales", "none", "some");
    if (scales.type != (per_block ? wire::TensorType::BFLOAT16 : wire::TensorType::FLOAT32)) {
      return Mismatch(name, "type", per_block ? "bf16" : "f32",
                      absl::StrCat("TFLite type ", static_cast<int>(scales.type)));
    }
    ABSL_RETURN_IF_ERROR(CheckShape(
        scales, per_block
                    ? std::vector<int64_t>{view.info.rows, view.info.columns / view.type.block_size}
                    : std::vector<int64_t>{view.info.rows}));
    ABSL_RETURN_IF_ERROR(CheckBytes(scales, view.scale_bytes));
    view.scales = file_.data() + scales.extent.offset;
    return view;
  }

  const Container& container_;
  absl::Span<const std::byte> file_;
  std::map<absl::string_view, size_t> by_name_;
  size_t num_found_ = 0;
};

}  // namespace

absl::StatusOr<std::vector<TensorView>> FindTensors(absl::Span<const TensorInfo> tensors,
                                                    const Container& container,
                                                    absl::Span<const std::byte> file) {
  TensorFinder finder(container, file);
  ABSL_RETURN_IF_ERROR(finder.Index());
  std::vector<TensorView> views;
  views.reserve(tensors.size());
  for (const TensorInfo& info : tensors) {
    ABSL_ASSIGN_OR_RETURN(TensorView view, finder.Find(info));
    views.push_back(std::move(view));
  }
  ABSL_RETURN_IF_ERROR(finder.CheckNoneLeft());
  return views;
}

}  // namespace inkling
