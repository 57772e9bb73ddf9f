// An app that uses Debian's Highway and flatbuffers, of other versions than Inkling's.

#include <cstdint>

#include "flatbuffers/flatbuffers.h"
#include "flatbuffers/flexbuffers.h"
#include "hwy/targets.h"

extern "C" int CheckOwnLibrary() {
  if (FLATBUFFERS_VERSION_MAJOR != 2) return 1;  // Inkling's are 23
  flatbuffers::FlatBufferBuilder builder;
  const auto text = builder.CreateString("text");
  const auto start = builder.StartTable();
  builder.AddOffset(4, text);
  builder.Finish(flatbuffers::Offset<flatbuffers::Table>(builder.EndTable(start)));
  const auto* table = flatbuffers::GetRoot<flatbuffers::Table>(builder.GetBufferPointer());
  if (table->GetPointer<const flatbuffers::String*>(4)->str() != "text") return 2;
  flatbuffers::Verifier verifier(builder.GetBufferPointer(), builder.GetSize());
  if (!table->VerifyTableStart(verifier) || !table->VerifyOffset(verifier, 4)) return 3;
  hwy::SetSupportedTargetsForTest(HWY_STATIC_TARGET);
  const bool only_static = hwy::SupportedTargets() == HWY_STATIC_TARGET;
  hwy::SetSupportedTargetsForTest(0);
  if (!only_static) return 4;
  return hwy::SupportedTargets() == 0 ? 5 : 0;
}
