// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/timeline/recording.h"

#include <boost/json.hpp>
#include <cstring>

#include "node/timeline/json.h"

namespace dvpe::timeline {

namespace {

using base::Bytes;
using base::ErrorCode;
using base::fail;

constexpr char kMagic[] = "DVPE-STAMPED 1\n";
constexpr std::uint32_t kMaxRecord = 16U << 20U;

void put(Bytes& out, std::uint64_t v, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<std::uint8_t>(v >> (8 * i)));
}
std::uint64_t get(base::ByteView in, std::size_t at, int bytes) {
  std::uint64_t v = 0;
  for (int i = 0; i < bytes; ++i) v = v << 8 | in[at + static_cast<std::size_t>(i)];
  return v;
}
void append(Bytes& out, const base::SharedBytes& data) {
  if (data) out.insert(out.end(), data->begin(), data->end());
}

// type byte, then the fields that a packet needs, then its bytes
struct Packer {
  Bytes out;
  void operator()(const VideoFormat& m) {
    out.push_back('v');
    append(out, m.avcc);
  }
  void operator()(const VideoPacket& m) {
    out.push_back('V');
    put(out, static_cast<std::uint64_t>(m.pts.count()), 8);
    put(out, static_cast<std::uint64_t>(m.dts.count()), 8);
    out.push_back(m.key ? 1 : 0);
    append(out, m.data);
  }
  void operator()(const AudioFormat& m) {
    out.push_back('a');
    out.push_back(static_cast<std::uint8_t>(m.track));
    out.push_back(static_cast<std::uint8_t>(m.language.size()));
    out.insert(out.end(), m.language.begin(), m.language.end());
    append(out, m.asc);
  }
  void operator()(const AudioPacket& m) {
    out.push_back('A');
    out.push_back(static_cast<std::uint8_t>(m.track));
    put(out, static_cast<std::uint64_t>(m.pts.count()), 8);
    append(out, m.data);
  }
  template <class Small>
  void operator()(const Small& m) {
    const std::string text = boost::json::serialize(toJson(StampedMessage(m)));
    out.push_back('J');
    out.insert(out.end(), text.begin(), text.end());
  }
};

base::SharedBytes rest(base::ByteView in, std::size_t at) {
  return base::share(Bytes(in.begin() + static_cast<std::ptrdiff_t>(at), in.end()));
}

// Of a format: none is written as nothing.
base::SharedBytes formatIn(base::ByteView in, std::size_t at) { return at < in.size() ? rest(in, at) : nullptr; }

base::Result<StampedMessage> unpack(base::ByteView in) {
  const auto broken = [] { return fail(ErrorCode::kInvalidInput, "a record of the recording is broken"); };
  if (in.empty()) return broken();
  switch (in[0]) {
    case 'v':
      return StampedMessage(VideoFormat{formatIn(in, 1)});
    case 'V':
      if (in.size() < 18) return broken();
      return StampedMessage(VideoPacket{Ticks{static_cast<std::int64_t>(get(in, 1, 8))},
                                        Ticks{static_cast<std::int64_t>(get(in, 9, 8))},
                                        in[17] != 0,
                                        rest(in, 18),
                                        {}});
    case 'a':
      if (in.size() < 3 || in.size() < 3U + in[2]) return broken();
      return StampedMessage(
          AudioFormat{in[1], std::string(in.begin() + 3, in.begin() + 3 + in[2]), formatIn(in, 3U + in[2])});
    case 'A':
      if (in.size() < 10) return broken();
      return StampedMessage(AudioPacket{in[1], Ticks{static_cast<std::int64_t>(get(in, 2, 8))}, rest(in, 10)});
    case 'J': {
      boost::system::error_code error;
      const auto json = boost::json::parse({reinterpret_cast<const char*>(in.data()) + 1, in.size() - 1}, error);
      if (error) return broken();
      return messageFromJson(json);
    }
    default:
      return broken();
  }
}

}  // namespace

base::Result<std::unique_ptr<Recorder>> Recorder::create(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "wbxe");
  if (file == nullptr) return fail(ErrorCode::kIo, "cannot create the recording " + path + ": " + std::strerror(errno));
  std::fputs(kMagic, file);
  return std::unique_ptr<Recorder>(new Recorder(file));
}

Recorder::~Recorder() { std::fclose(file_); }

void Recorder::write(const StampedMessage& message) {
  if (broken_) return;
  Packer packer;
  std::visit(packer, message);
  Bytes length;
  put(length, packer.out.size(), 4);
  broken_ = std::fwrite(length.data(), 1, 4, file_) != 4 ||
            std::fwrite(packer.out.data(), 1, packer.out.size(), file_) != packer.out.size();
  if (std::holds_alternative<CutState>(message))
    broken_ = std::fflush(file_) != 0 || broken_;  // a second at most is lost
}

base::Result<std::unique_ptr<Replay>> Replay::open(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rbe");
  if (file == nullptr)
    return fail(ErrorCode::kNotFound, "cannot open the recording " + path + ": " + std::strerror(errno));
  std::unique_ptr<Replay> replay(new Replay(file));
  char magic[sizeof kMagic] = {};
  if (std::fread(magic, 1, sizeof kMagic - 1, file) != sizeof kMagic - 1 || std::strcmp(magic, kMagic) != 0) {
    return fail(ErrorCode::kInvalidInput, path + " is not a recording of a stamped stream");
  }
  return replay;
}

Replay::~Replay() { std::fclose(file_); }

base::Result<std::optional<StampedMessage>> Replay::next() {
  std::uint8_t head[4];
  if (std::fread(head, 1, 4, file_) != 4) return std::optional<StampedMessage>();
  const auto length = static_cast<std::uint32_t>(get(head, 0, 4));
  if (length > kMaxRecord) return fail(ErrorCode::kLimitExceeded, "a record of the recording is too long");
  Bytes record(length);
  if (std::fread(record.data(), 1, length, file_) != length) return std::optional<StampedMessage>();
  DVPE_TRY(auto message, unpack(record));
  return std::optional(std::move(message));
}

}  // namespace dvpe::timeline
