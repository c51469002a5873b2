// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/render/sprites.h"

namespace dvpe::render {

namespace {

// What is left, in seconds begun: "0:01" stands until the very end.
std::int64_t countdown(const ActiveOverlay& active, Ticks at) {
  const std::int64_t left = active.until ? (*active.until - at).count() : 0;
  return left > 0 ? (left + base::kTicksPerSecond - 1) / base::kTicksPerSecond : 0;
}

}  // namespace

base::Result<std::shared_ptr<const overlay::Painter>> PainterShop::get(const model::Overlay& overlay, int width,
                                                                       int height) {
  const std::string key =
      overlay.id + "@" + std::to_string(overlay.revision) + "/" + std::to_string(width) + "x" + std::to_string(height);
  const std::lock_guard lock(mutex_);
  if (const auto it = painters_.find(key); it != painters_.end()) return it->second;
  DVPE_TRY(auto painter, overlay::Painter::create(overlay, assets_, width, height, fps_));
  if (painters_.size() >= 1024) painters_.clear();  // documents come and go; nobody holds a painter for long
  painters_[key] = painter;
  return painter;
}

base::Result<Sprites> Sprites::create(PainterShop& shop, const std::vector<ActiveOverlay>& overlays,
                                      base::WallTime epoch, int width, int height) {
  Sprites sprites;
  sprites.epoch_ = epoch;
  for (const auto& active : overlays) {
    DVPE_TRY(auto painter, shop.get(*active.overlay, width, height));
    sprites.all_.push_back(One{active, std::move(painter), {}, -1, -1});
  }
  return sprites;
}

void Sprites::repaint(One& one, Ticks at) const {
  overlay::ProgrammeValues programme;
  programme.wall = base::toWall(epoch_, at);
  programme.values = one.active.programme;
  if (one.active.until) programme.countdownSeconds = countdown(one.active, at);
  one.sprite = toYuva(one.painter->paint(one.active.values, programme));
}

// The clock changes with seconds of wall time and a countdown with seconds before its end: at whichever comes, so that
// what is shown never depends on where the segment began.
void Sprites::keepTime(One& one, Ticks at) const {
  std::int64_t clock = 0, left = 0;
  if (one.painter->needsRepaintEverySecond()) {
    clock = std::chrono::floor<std::chrono::seconds>(base::toWall(epoch_, at)).time_since_epoch().count();
    left = countdown(one.active, at);
  }
  if (clock == one.paintedClock && left == one.paintedCountdown) return;
  repaint(one, at);
  one.paintedClock = clock;
  one.paintedCountdown = left;
}

Bounds Sprites::blendInto(media::Frame& frame, Ticks at) {
  Bounds changed;
  for (One& one : all_) {
    keepTime(one, at);
    overlay::Motion motion;
    if (one.active.from != Ticks{0}) {
      const auto left = one.active.until ? std::optional<Ticks>(*one.active.until - at) : std::nullopt;
      motion = one.painter->motion(at - one.active.from, left);
    }
    if (motion.alpha <= 0) continue;
    blend(frame, one.sprite, motion.dx, motion.dy, motion.alpha);
    changed = both(changed, touched(one.sprite, motion.dx, motion.dy, frame.width(), frame.height()));
  }
  return changed;
}

}  // namespace dvpe::render
