// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/render/sprites.h"

namespace dvpe::render {

base::Result<std::shared_ptr<const overlay::Painter>> PainterShop::get(const model::Overlay& overlay, int width, int height) {
  const std::string key = overlay.id + "@" + std::to_string(overlay.revision) + "/" + std::to_string(width) + "x" + std::to_string(height);
  const std::lock_guard lock(mutex_);
  if (const auto it = painters_.find(key); it != painters_.end()) return it->second;
  DVPE_TRY(auto painter, overlay::Painter::create(overlay, assets_, width, height, fps_));
  if (painters_.size() >= 1024) painters_.clear();  // documents come and go; nobody holds a painter for long
  painters_[key] = painter;
  return painter;
}

base::Result<Sprites> Sprites::create(PainterShop& shop, const std::vector<ActiveOverlay>& overlays, base::WallTime epoch, int width, int height) {
  Sprites sprites;
  sprites.epoch_ = epoch;
  for (const auto& active : overlays) {
    DVPE_TRY(auto painter, shop.get(*active.overlay, width, height));
    sprites.all_.push_back(One{active, std::move(painter), {}, -1});
  }
  return sprites;
}

void Sprites::repaint(One& one, Ticks at) const {
  overlay::ProgrammeValues programme;
  programme.wall = base::toWall(epoch_, at);
  programme.values = one.active.programme;
  if (one.active.until) programme.countdownSeconds = (*one.active.until - at).count() / base::kTicksPerSecond;
  one.sprite = toYuva(one.painter->paint(one.active.values, programme));
}

void Sprites::blendInto(media::Frame& frame, Ticks at) {
  for (One& one : all_) {
    // Clocks and countdowns change with whole seconds of either; repainting at frame seconds of both would be one too many,
    // so that the countdown's phase is taken from the tick it ends at.
    const std::int64_t phase = one.active.until ? one.active.until->count() % base::kTicksPerSecond : 0;
    const std::int64_t second = one.painter->needsRepaintEverySecond() ? (at.count() - phase) / base::kTicksPerSecond : 0;
    if (second != one.paintedSecond) {
      repaint(one, at);
      one.paintedSecond = second;
    }
    overlay::Motion motion;
    if (one.active.from != Ticks{0}) {
      const auto left = one.active.until ? std::optional<Ticks>(*one.active.until - at) : std::nullopt;
      motion = one.painter->motion(at - one.active.from, left);
    }
    if (motion.alpha > 0) blend(frame, one.sprite, motion.dx, motion.dy, motion.alpha);
  }
}

}  // namespace dvpe::render
