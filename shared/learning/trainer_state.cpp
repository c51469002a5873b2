// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The trainer's state as bytes, for the coordinator that takes over: u32 magic, u32 dimension, u8 whether there is an
// origin, i64 origin in microseconds, then kinds and arms, each: u32 how many, and of each u16 length of its name, the
// name, its count and sums as doubles. Little-endian.
#include <cmath>

#include "shared/base/byte_reader.h"
#include "shared/learning/trainer.h"

namespace dvpe::learning {

using base::Result;

namespace {

constexpr std::uint32_t kMagic = 0x31544c44;  // "DLT1"
constexpr std::size_t kMaxNameBytes = 300;

template <class T>
void put(base::Bytes& out, T value) {
  const auto* at = reinterpret_cast<const std::uint8_t*>(&value);
  out.insert(out.end(), at, at + sizeof value);
}

}  // namespace

base::Bytes Trainer::state() const {
  base::Bytes out;
  put(out, kMagic);
  put(out, static_cast<std::uint32_t>(options_.dimension));
  put(out, static_cast<std::uint8_t>(origin_ ? 1 : 0));
  put(out, origin_ ? std::int64_t{origin_->time_since_epoch().count()} : std::int64_t{0});
  for (const auto* all : {&kinds_, &arms_}) {
    put(out, static_cast<std::uint32_t>(all->size()));
    for (const auto& [name, sums] : *all) {
      put(out, static_cast<std::uint16_t>(name.size()));
      out.insert(out.end(), name.begin(), name.end());
      put(out, sums.count);
      for (const auto& numbers : sums.squares) {
        for (const double each : numbers) put(out, each);
      }
      for (const auto& numbers : sums.products) {
        for (const double each : numbers) put(out, each);
      }
    }
  }
  return out;
}

Result<Trainer> Trainer::restore(base::ByteView bytes, TrainerOptions options) {
  const auto bad = [] { return base::fail(base::ErrorCode::kInvalidInput, "not a state of the trainer"); };
  Trainer out{options};
  base::ByteReader in{bytes};
  if (in.number<std::uint32_t>() != kMagic || in.number<std::uint32_t>() != out.options_.dimension) return bad();
  const bool begun = in.number<std::uint8_t>() != 0;
  const auto origin = in.number<std::int64_t>();
  if (begun) out.origin_ = base::WallTime{std::chrono::microseconds{origin}};
  const std::size_t rows = out.options_.dimension, cells = rows * (rows + 1) / 2;
  for (auto* all : {&out.kinds_, &out.arms_}) {
    const auto count = in.number<std::uint32_t>();
    for (std::uint32_t i = 0; i < count; ++i) {
      std::string name = in.text(in.number<std::uint16_t>(), kMaxNameBytes);
      if (!in.good()) return bad();
      Sums sums;
      sums.count = in.number<double>();
      bool good = std::isfinite(sums.count) && sums.count >= 0;
      const auto numbers = [&](std::vector<double>& to, std::size_t many) {
        to.resize(many);
        for (double& each : to) good = std::isfinite(each = in.number<double>()) && good;
      };
      for (auto& each : sums.squares) numbers(each, cells);
      for (auto& each : sums.products) numbers(each, rows);
      if (!in.good() || !good || !isArmName(name) || !all->emplace(std::move(name), std::move(sums)).second)
        return bad();
    }
  }
  for (const auto& [name, sums] : out.arms_) {
    if (!out.kinds_.contains(kindOf(name))) return bad();
  }
  if (!in.whole()) return bad();
  return out;
}

}  // namespace dvpe::learning
