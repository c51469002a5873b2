// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What nodes and coordinators read of control messages. The first byte chooses: 0, frames, each after its length in two
// bytes; 1, a command. What one accepts, it writes so that it reads the same again.
#include <cstdint>
#include <cstdlib>

#include "shared/protocol/command.h"
#include "shared/protocol/messages.h"

namespace {

namespace protocol = dvpe::protocol;

protocol::Frames cut(std::string_view bytes) {
  protocol::Frames out;
  while (bytes.size() >= 2) {
    const auto high = static_cast<std::uint8_t>(bytes[0]), low = static_cast<std::uint8_t>(bytes[1]);
    const std::string_view frame = bytes.substr(2, static_cast<std::size_t>(high << 8 | low));
    out.emplace_back(frame);
    bytes.remove_prefix(2 + frame.size());
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    if (const auto message = protocol::decode(cut(rest))) {
      const protocol::Frames frames = protocol::encode(message.value());
      const auto again = protocol::decode(frames);
      if (!again || protocol::encode(again.value()) != frames) std::abort();
    }
  } else if (const auto command = protocol::parseCommand(rest)) {
    const auto again = protocol::parseCommand(toJson(command.value().command));
    if (!again || again.value().command != command.value().command) std::abort();
    (void)changeOf(command.value().command);
  }
  return 0;
}
