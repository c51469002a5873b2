// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What the spool reads. The first byte chooses: 0, an event; 1, a segment, as it is found when the spool is opened and
// read: whatever stood in it, the spool takes events behind it, and what it gives is events.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>

#include "node/events/impl/store.h"
#include "shared/base/log.h"
#include "tests/support/folder.h"

namespace {

using namespace dvpe;

void event(base::ByteView bytes) {
  const auto read = events::read(bytes);
  if (!read) return;
  base::Bytes again;
  events::write(read.value().first, again);
  // But for what is not a number, which is not written bit for bit.
  if (again.size() != read.value().second) std::abort();
}

// The numbers that are passed over must be explained by bytes that are, or a stranger's bytes end the spool's life.
void readAll(events::Store& store, std::uint64_t from) {
  for (std::uint64_t at = from; at < store.next();) {
    const auto batch = store.read(at, 3, 1000);
    if (!batch || batch.value().from < at || batch.value().to <= at) std::abort();
    const auto length = events::lengthOf(batch.value().events, batch.value().to - batch.value().from);
    if (length != batch.value().events.size()) std::abort();
    at = batch.value().to;
  }
}

void segment(base::ByteView bytes) {
  static const test::Folder folder;
  static base::SystemRandom random;
  static const events::Disk disk;
  for (const auto& old : std::filesystem::directory_iterator(folder.path())) std::filesystem::remove(old);
  std::ofstream(folder / "0000000003.events", std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  auto store = events::Store::open(folder, 1 << 20, random, disk);
  if (!store) std::abort();  // nothing in one file is a reason not to start
  readAll(*store.value(), store.value()->oldest());
  const std::uint64_t number = store.value()->next();
  if (number == UINT64_MAX) return;
  events::Draft draft;
  draft.blocks.push_back({0, 1});
  draft.bytes.resize(sizeof(events::BlockHeader));
  events::write({}, draft.bytes);
  if (!store.value()->commit(draft)) std::abort();
  store.value().reset();
  store = events::Store::open(folder, 1 << 20, random, disk);
  if (!store || store.value()->next() != number + 1) std::abort();
  const auto batch = store.value()->read(number, 1, 1);
  if (!batch || batch.value().from != number || batch.value().to != number + 1) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  spdlog::set_level(spdlog::level::off);
  if (size == 0) return 0;
  const base::ByteView rest{data + 1, size - 1};
  if (data[0] % 2 == 0) {
    event(rest);
  } else {
    segment(rest);
  }
  return 0;
}
