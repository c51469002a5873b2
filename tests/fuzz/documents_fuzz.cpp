// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What nodes read of documents, keys and releases. The first byte chooses the reader. What one accepts, it writes so
// that it reads the same again.
#include <cstdlib>

#include "shared/model/json.h"
#include "shared/release/bundle.h"
#include "shared/release/hold.h"

namespace {

namespace release = dvpe::release;

template <class T>
void again(const dvpe::base::Result<T>& parsed, dvpe::base::Result<T> (*read)(std::string_view)) {
  if (!parsed) return;
  const std::string text = toJson(parsed.value());
  const auto second = read(text);
  if (!second || toJson(second.value()) != text) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 8) {
    case 0:
      again(release::parseKeys(text), release::parseKeys);
      break;
    case 1:
      again(release::parseRelease(text), release::parseRelease);
      break;
    case 2:
      again(release::parseCountersignature(text), release::parseCountersignature);
      break;
    case 3:
      again(release::parseRollback(text), release::parseRollback);
      break;
    case 4:
      (void)release::parseHeader(text);
      break;
    case 6:
      (void)release::parseHold(text);
      break;
    case 5:
      if (const auto kept = release::parseKept(text)) {
        (void)release::verifyBundle(kept.value().bundle, release::KeyRing({}), kept.value().known, "n1", 1'800'000'000);
      }
      break;
    default:
      (void)dvpe::model::readDocuments({{"document", std::string(text)}});
  }
  return 0;
}
