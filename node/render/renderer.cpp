// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/render/renderer.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include "shared/base/cpu_time.h"
#include "shared/base/log.h"

namespace dvpe::render {

namespace {

void smooth(double& value, double sample) { value = value == 0 ? sample : value * 0.98 + sample * 0.02; }

// A copy of a picture in which one variant after the other puts its overlays: what one changed is put back for the
// next, so that a picture is copied whole about once per thread and not once per variant.
struct Canvas {
  std::shared_ptr<media::Frame> frame;
  media::FramePtr source;  // what it is a copy of, but for what was changed
  Bounds changed;
};

class Canvases {
 public:
  Canvases(int width, int height) : width_(width), height_(height) {}

  // One that shows the picture.
  Canvas take(const media::FramePtr& picture) {
    Canvas canvas = idle(picture);
    if (canvas.source == picture) {
      if (canvas.changed.height > 0) restoreRows(*canvas.frame, *picture, canvas.changed);
    } else {
      if (!canvas.frame) canvas.frame = std::make_shared<media::Frame>(width_, height_);
      canvas.frame->copyFrom(*picture);
      canvas.source = picture;
    }
    canvas.changed = {};
    return canvas;
  }
  void giveBack(Canvas canvas) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(canvas));
  }

 private:
  Canvas idle(const media::FramePtr& picture) {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return {};
    auto it = std::find_if(idle_.begin(), idle_.end(), [&](const Canvas& c) { return c.source == picture; });
    if (it == idle_.end()) it = idle_.begin();
    Canvas canvas = std::move(*it);
    idle_.erase(it);
    return canvas;
  }

  const int width_, height_;
  std::mutex mutex_;
  std::vector<Canvas> idle_;  // as many as there were threads at work at the same time, at most
};

}  // namespace

struct Renderer::RungState {
  explicit RungState(const model::Rung& r)
      : rung(r),
        pool(media::FramePool::create(r.width, r.height)),
        scaler(media::makeScaler()),
        canvases(r.width, r.height) {}
  const model::Rung rung;
  std::shared_ptr<media::FramePool> pool;
  std::unique_ptr<media::Scaler> scaler;
  Canvases canvases;
  media::FramePtr source, scaled;  // the last picture that was scaled: repeats and slate are not scaled again
};

// One segment of one variant at one rung, on its strand.
class Renderer::Task {
 public:
  Task(Renderer& renderer, std::size_t rung, std::int64_t msn, Ticks start, Variant variant,
       boost::asio::any_io_executor strand)
      : renderer_(renderer),
        rung_(rung),
        start_(start),
        variant_(std::move(variant)),
        strand_(std::move(strand)),
        output_(renderer.listener_.open(msn, start, variant_.id, rung)) {}

  const boost::asio::any_io_executor& strand() const { return strand_; }
  std::size_t rung() const { return rung_; }

  void encode(Ticks at, const media::FramePtr& picture, std::chrono::steady_clock::time_point arrived) {
    if (failed_) return;
    const double before = base::threadCpuSeconds();
    if (const auto done = step(at, picture); !done) {
      failed_ = true;
      error_ = done.error();
    }
    renderer_.spent(variant_.overlays.empty(), rung_, base::threadCpuSeconds() - before);
    if (arrived != std::chrono::steady_clock::time_point{}) {
      renderer_.listener_.frameDone(std::chrono::steady_clock::now() - arrived, at == start_);
    }
  }

  void finish(Ticks end) {
    encoder_.reset();
    if (failed_) {
      output_->fail(error_);
    } else {
      output_->finish(end);
    }
    output_.reset();
  }

 private:
  base::Result<void> step(Ticks at, const media::FramePtr& picture) {
    RungState& state = *renderer_.rungs_[rung_];
    if (!encoder_) {
      DVPE_TRY(encoder_, media::makeH264Encoder(state.rung, renderer_.profile_.fps));
      if (!variant_.overlays.empty()) {
        DVPE_TRY(auto sprites, Sprites::create(renderer_.shop_, variant_.overlays, renderer_.epoch_, state.rung.width,
                                               state.rung.height));
        sprites_ = std::move(sprites);
      }
    }
    if (variant_.overlays.empty()) return add(at, *picture);
    Canvas canvas = state.canvases.take(picture);
    canvas.changed = sprites_.blendInto(*canvas.frame, at);
    auto done = add(at, *canvas.frame);
    state.canvases.giveBack(std::move(canvas));
    return done;
  }

  base::Result<void> add(Ticks at, const media::Frame& frame) {
    DVPE_TRY(auto encoded, encoder_->encode(frame, false));
    return output_->add(at, std::move(encoded));
  }

  Renderer& renderer_;
  const std::size_t rung_;
  const Ticks start_;
  const Variant variant_;
  const boost::asio::any_io_executor strand_;
  std::unique_ptr<SegmentOutput> output_;
  std::unique_ptr<media::VideoEncoder> encoder_;
  Sprites sprites_;
  bool failed_ = false;
  base::Error error_;
};

Renderer::Renderer(const model::Profile& profile, base::WallTime epoch, std::string assetsFolder,
                   boost::asio::any_io_executor pool, RenderListener& listener)
    : profile_(profile),
      grid_(profile.fps),
      epoch_(epoch),
      shop_(std::move(assetsFolder), profile.fps),
      pool_(std::move(pool)),
      listener_(listener),
      baseCost_(profile.rungs.size()),
      variantCost_(profile.rungs.size()) {
  for (const auto& rung : profile_.rungs) rungs_.push_back(std::make_unique<RungState>(rung));
}

Renderer::~Renderer() { wait(); }

void Renderer::begin(std::int64_t msn, Ticks at, const std::vector<Variant>& variants, bool programme) {
  for (const auto& task : tasks_) {
    {
      const std::lock_guard lock(mutex_);
      ++waiting_;
    }
    boost::asio::post(task->strand(), [this, task, at] {
      task->finish(at);
      taken();
    });
  }
  tasks_.clear();
  std::map<std::string, boost::asio::any_io_executor> strands;  // those of variants that went off the air are dropped
  const auto start = [&](const Variant& variant) {
    for (std::size_t i = 0; i < rungs_.size(); ++i) {
      const std::string key = variant.id + "/" + rungs_[i]->rung.name;
      const auto it = strands_.find(key);
      auto strand = it != strands_.end() ? it->second : boost::asio::any_io_executor(boost::asio::make_strand(pool_));
      strands[key] = strand;
      tasks_.push_back(std::make_shared<Task>(*this, i, msn, at, variant, std::move(strand)));
    }
  };
  if (programme) start(Variant{timeline::kBaseVariant, {}, 0});
  for (const auto& variant : variants) start(variant);
  strands_ = std::move(strands);
  started_ = at;
  running_ = true;
}

void Renderer::frame(Ticks at, const media::FramePtr& picture, std::chrono::steady_clock::time_point arrived) {
  if (!running_ || at < started_) return;
  const double before = base::threadCpuSeconds();
  for (const auto& state : rungs_) {
    if (state->source == picture) continue;
    state->source = picture;
    if (picture->width() == state->rung.width && picture->height() == state->rung.height) {
      state->scaled = picture;
      continue;
    }
    auto scaled = state->pool->acquire();
    if (const auto done = state->scaler->scale(*picture, *scaled); !done) {
      spdlog::error("a picture cannot be scaled reason=\"{}\"", done.error().message);
      scaled->fill(16, 128, 128);
    }
    state->scaled = std::move(scaled);
  }
  {
    const std::lock_guard lock(mutex_);
    smooth(scaleCost_, base::threadCpuSeconds() - before);
  }
  for (const auto& task : tasks_) post(task, at, rungs_[task->rung()]->scaled, arrived);
}

void Renderer::post(const std::shared_ptr<Task>& task, Ticks at, media::FramePtr picture,
                    std::chrono::steady_clock::time_point arrived) {
  {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return waiting_ < kMaxWaiting * std::max<std::size_t>(tasks_.size(), 1); });
    ++waiting_;
  }
  boost::asio::post(task->strand(), [this, task, at, picture = std::move(picture), arrived] {
    task->encode(at, picture, arrived);
    taken();
  });
}

void Renderer::taken() {
  const std::lock_guard lock(mutex_);
  --waiting_;
  room_.notify_all();
}

void Renderer::wait() {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [this] { return waiting_ == 0; });
}

void Renderer::spent(bool base, std::size_t rung, double seconds) {
  const std::lock_guard lock(mutex_);
  smooth((base ? baseCost_ : variantCost_)[rung], seconds);
}

double Renderer::programmeCost() const {
  const std::lock_guard lock(mutex_);
  double sum = scaleCost_;
  for (const double c : baseCost_) sum += c;
  return sum / base::seconds(grid_.frame());
}

double Renderer::variantCost() const {
  const std::lock_guard lock(mutex_);
  double sum = 0;
  for (const double c : variantCost_) sum += c;
  return sum / base::seconds(grid_.frame());
}

}  // namespace dvpe::render
