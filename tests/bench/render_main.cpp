// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The programs that `./dev bench render` measures, each a process of its own so that its CPU time can be read whole:
//   bench_render settings              what the rung amounts to, for the ffmpeg that it is compared with
//   bench_render paint FOLDER          each variant's lower third as straight RGBA, and where it stands
//   bench_render ours FILE FOLDER      decode, blend, encode and package all variants, as a node does
//   bench_render floor FILE            one decode and as many bare encodes
#include <boost/asio/thread_pool.hpp>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>

#include "node/decode/decoder.h"
#include "node/package/cmaf.h"
#include "node/package/segmenter.h"
#include "node/render/renderer.h"
#include "shared/media/demuxer.h"
#include "shared/media/h264.h"
#include "shared/model/json.h"
#include "shared/overlay/text_engine.h"

namespace {

using namespace dvpe;
using base::Result;
using base::Ticks;

constexpr int kVariants = 6;
constexpr int kKeyFrames = 120;  // frames of a segment: 4 s

// 1280x160 at y 540 of 720: a panel across the whole width that lets the picture through, and text of the variant's
// own.
constexpr const char* kLowerThird = R"({
  "kind": "overlay", "id": "lower-third", "organisation": "bench", "revision": 1,
  "body": {
    "fields": [{"name": "who", "domain": ["one", "two", "three", "four", "five", "six"], "fallback": "one"}],
    "layers": [
      {"kind": "shape", "name": "panel", "x": 0, "y": 750, "width": 1000, "height": 222.2222, "colour": "#0b1220b0", "shape": "rectangle"},
      {"kind": "shape", "name": "accent", "x": 40, "y": 780, "width": 6, "height": 160, "colour": "#38bdf8", "shape": "rounded", "radius": 4},
      {"kind": "text", "name": "title", "x": 60, "y": 765, "width": 900, "height": 100, "text": "Viewer number {who}", "size": 70, "weight": 700, "align": "left", "colour": "#ffffff"},
      {"kind": "text", "name": "line", "x": 60, "y": 865, "width": 900, "height": 80, "text": "A programme of your own, from one picture for all", "size": 44, "align": "left", "colour": "#cbd5e1"}]}})";
constexpr const char* kWho[kVariants] = {"one", "two", "three", "four", "five", "six"};

model::Profile profile() {
  model::Profile p;
  p.id = "bench";
  p.fps = {30, 1};
  model::Rung rung;
  rung.name = "v720";
  rung.width = 1280;
  rung.height = 720;
  rung.maxrate = 3'000'000;
  rung.preset = "superfast";
  rung.x264 = "crf=23";
  p.rungs.push_back(rung);
  return p;
}

Result<std::shared_ptr<const model::Overlay>> lowerThird() {
  model::Loaded loaded = model::readDocuments({{"lower-third", kLowerThird}});
  const auto it = loaded.documents.overlays.find("lower-third");
  if (!loaded.ok() || it == loaded.documents.overlays.end()) {
    return base::fail(base::ErrorCode::kInvalidInput, model::describe(loaded.errors));
  }
  return std::make_shared<const model::Overlay>(it->second);
}

std::filesystem::path fonts() { return std::filesystem::path(DVPE_BINARY_DIR) / "resources" / "fonts"; }

Result<void> printSettings() {
  const model::Rung rung = profile().rungs.front();
  std::printf(
      "{\"width\":%d,\"height\":%d,\"preset\":\"%s\",\"x264\":\"%s\",\"maxrate\":%lld,\"variants\":%d,\"keyint\":%d}\n",
      rung.width, rung.height, rung.preset.c_str(), rung.x264.c_str(), static_cast<long long>(rung.maxrate), kVariants,
      kKeyFrames);
  return base::success();
}

// PNG wants straight colours.
std::uint8_t straight(std::uint32_t colour, std::uint32_t alpha) {
  return alpha == 0 ? 0 : static_cast<std::uint8_t>(std::min<std::uint32_t>(255, (colour * 255 + alpha / 2) / alpha));
}

Result<void> paint(const std::string& folder) {
  DVPE_TRY(auto text, overlay::TextEngine::create(fonts()));
  DVPE_TRY(const auto document, lowerThird());
  const model::Rung rung = profile().rungs.front();
  DVPE_TRY(const auto painter, overlay::Painter::create(*document, folder, rung.width, rung.height, profile().fps));
  std::printf("[");
  for (int v = 0; v < kVariants; ++v) {
    const overlay::Sprite sprite = painter->paint({{"who", kWho[v]}}, {});
    std::ofstream out(folder + "/lower-" + std::to_string(v) + ".rgba", std::ios::binary);
    for (const std::uint32_t p : sprite.argbPremultiplied) {
      const std::uint32_t a = p >> 24;
      const std::uint8_t pixel[4] = {straight(p >> 16 & 255, a), straight(p >> 8 & 255, a), straight(p & 255, a),
                                     static_cast<std::uint8_t>(a)};
      out.write(reinterpret_cast<const char*>(pixel), 4);
    }
    if (!out.flush()) return base::fail(base::ErrorCode::kIo, "cannot write to " + folder);
    std::printf("%s{\"x\":%d,\"y\":%d,\"width\":%d,\"height\":%d}", v ? "," : "", sprite.x, sprite.y, sprite.width,
                sprite.height);
  }
  std::printf("]\n");
  return base::success();
}

// ---- ours

// The segments of all variants, each variant into a file that any player opens.
class Files final : public render::RenderListener {
 public:
  Files(timeline::Grid grid, const std::string& folder, const base::Bytes& init) : grid_(grid) {
    for (int v = 0; v < kVariants; ++v) {
      files_.emplace_back(folder + "/ours-" + std::to_string(v) + ".mp4", std::ios::binary);
      write(static_cast<std::size_t>(v), init);
    }
  }

  std::unique_ptr<render::SegmentOutput> open(std::int64_t, Ticks start, const std::string& variant,
                                              std::size_t) override {
    return std::make_unique<Segment>(*this, std::stoul(variant), start);
  }
  void frameDone(std::chrono::steady_clock::duration, bool) override {
    const std::lock_guard lock(mutex_);
    ++done_;
    changed_.notify_all();
  }
  // Until at most this many encodes are to come of those asked for: on air too, pictures come one at a time.
  void waitFor(std::uint64_t asked, std::uint64_t open) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return done_ + open >= asked; });
  }
  bool good() const {
    return !failed_ && std::all_of(files_.begin(), files_.end(), [](const auto& f) { return f.good(); });
  }

 private:
  class Segment final : public render::SegmentOutput {
   public:
    Segment(Files& files, std::size_t variant, Ticks start) : files_(files), variant_(variant), writer_(files.grid_) {
      writer_.begin(start);
    }
    Result<void> add(Ticks at, media::EncodedPicture picture) override {
      return writer_.add(at, std::move(picture.data), picture.key);
    }
    void finish(Ticks end) override {
      const auto bytes = writer_.finish(end);
      if (bytes) {
        files_.write(variant_, bytes.value());
      } else {
        fail(bytes.error());
      }
    }
    void fail(const base::Error& error) override {
      std::fprintf(stderr, "a segment failed: %s\n", error.message.c_str());
      files_.failed_ = true;
    }

   private:
    Files& files_;
    const std::size_t variant_;
    package::SegmentWriter writer_;
  };

  // A variant's segments come one after the other; those of different variants at the same time.
  void write(std::size_t variant, const base::Bytes& bytes) {
    files_[variant].write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }

  const timeline::Grid grid_;
  std::vector<std::ofstream> files_;
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t done_ = 0;
};

// The video of a file, packet by packet.
struct Source {
  std::unique_ptr<media::Demuxer> demuxer;
  int stream = -1;
  base::Bytes avcc;

  static Result<Source> open(const std::string& file) {
    Source source;
    DVPE_TRY(source.demuxer, media::openFile(file));
    const auto& streams = source.demuxer->streams();
    for (std::size_t i = 0; i < streams.size(); ++i) {
      if (streams[i].codec != "h264" || source.stream >= 0) continue;
      source.stream = static_cast<int>(i);
      source.avcc = streams[i].config;
    }
    if (source.stream < 0) return base::fail(base::ErrorCode::kInvalidInput, "no H.264 in " + file);
    return source;
  }
  Result<std::optional<media::DemuxedPacket>> next() {
    for (;;) {
      DVPE_TRY(auto packet, demuxer->read());
      if (!packet || packet->stream == stream) return packet;
    }
  }
};

std::vector<render::Variant> variants(const std::shared_ptr<const model::Overlay>& overlay) {
  std::vector<render::Variant> all;
  for (int v = 0; v < kVariants; ++v) {
    render::ActiveOverlay active;
    active.overlay = overlay;
    active.values = {{"who", kWho[v]}};
    all.push_back({std::to_string(v), {active}, 1});
  }
  return all;
}

Result<void> ours(const std::string& file, const std::string& folder) {
  DVPE_TRY(auto text, overlay::TextEngine::create(fonts()));
  DVPE_TRY(const auto overlay, lowerThird());
  const model::Profile p = profile();
  const timeline::Grid grid(p.fps);
  DVPE_TRY(auto avcc, media::h264Parameters(p.rungs.front(), p.fps));
  Files files(
      grid, folder,
      package::initSegment({package::TrackKind::kVideo, avcc, p.rungs.front().width, p.rungs.front().height, 0}));
  DVPE_TRY(auto source, Source::open(file));
  boost::asio::thread_pool pool(std::max(1U, std::thread::hardware_concurrency()));
  decode::Decoder decoder(grid, std::make_shared<media::Frame>(p.rungs.front().width, p.rungs.front().height),
                          p.audioBitrate, 0);
  render::Renderer renderer(p, {}, folder, pool.get_executor(), files);
  const auto all = variants(overlay);
  std::optional<Ticks> first;
  Ticks next{};
  std::int64_t msn = 0;
  std::uint64_t asked = 0;
  std::vector<decode::Slotted> out;
  const auto step = [&](const timeline::StampedMessage& message) {
    out.clear();
    decoder.process(message, {}, out);
    for (const auto& item : out) {
      const auto* picture = std::get_if<decode::SlottedFrame>(&item);
      if (picture == nullptr) continue;
      if (!first) first = picture->at;
      if ((picture->at - *first) % grid.cell() == Ticks{0}) renderer.begin(msn++, picture->at, all, false);
      renderer.frame(picture->at, picture->frame, std::chrono::steady_clock::now());
      files.waitFor(asked += kVariants, 2 * kVariants);
      next = picture->at + grid.frame();
    }
  };
  step(timeline::VideoFormat{std::make_shared<const base::Bytes>(source.avcc)});
  for (;;) {
    DVPE_TRY(auto packet, source.next());
    if (!packet) break;
    step(timeline::VideoPacket{
        packet->pts, packet->dts, packet->key, std::make_shared<const base::Bytes>(std::move(packet->data)), {}});
  }
  step(timeline::VideoFormat{});  // the end of this coding: what the decoder still holds comes out
  renderer.begin(msn, next, {}, false);
  renderer.wait();
  pool.join();
  if (!files.good()) return base::fail(base::ErrorCode::kIo, "a segment failed, or cannot be written to " + folder);
  const auto& counted = decoder.counters();
  std::printf("{\"frames\":%lld,\"decoded\":%llu,\"repeated\":%llu,\"dropped\":%llu,\"corrupt\":%llu}\n",
              static_cast<long long>(first ? (next - *first) / grid.frame() : 0),
              static_cast<unsigned long long>(counted.decoded), static_cast<unsigned long long>(counted.repeated),
              static_cast<unsigned long long>(counted.dropped), static_cast<unsigned long long>(counted.corrupt));
  return base::success();
}

// ---- the floor

// Encoders without end on threads of their own, fed with every picture of one decoder. Nothing else.
class Floor {
 public:
  Floor(int threads, int encodersEach) {
    for (int t = 0; t < threads; ++t) threads_.emplace_back([this, t, encodersEach] { run(t, encodersEach); });
    taken_.resize(static_cast<std::size_t>(threads));
  }
  void push(media::FramePtr frame) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return frames_.size() < 12; });
    frames_.push_back(std::move(frame));
    changed_.notify_all();
  }
  bool finish() {
    push(nullptr);
    for (auto& thread : threads_) thread.join();
    return !failed_;
  }
  std::uint64_t bytes() const { return bytes_; }

 private:
  media::FramePtr take(int thread) {
    std::unique_lock lock(mutex_);
    std::size_t& mine = taken_[static_cast<std::size_t>(thread)];
    changed_.wait(lock, [&] { return mine < dropped_ + frames_.size(); });
    media::FramePtr frame = frames_[mine - dropped_];
    ++mine;
    while (dropped_ < *std::min_element(taken_.begin(), taken_.end())) {
      frames_.pop_front();
      ++dropped_;
    }
    changed_.notify_all();
    return frame;
  }
  void run(int thread, int count) {
    const model::Profile p = profile();
    std::vector<std::unique_ptr<media::VideoEncoder>> encoders;
    for (int i = 0; i < count; ++i) {
      auto made = media::makeH264Encoder(p.rungs.front(), p.fps);
      if (made) encoders.push_back(std::move(made).value());
    }
    failed_ = failed_ || static_cast<int>(encoders.size()) != count;
    for (int n = 0; const auto frame = take(thread); ++n) {
      for (const auto& encoder : encoders) {
        const auto picture = encoder->encode(*frame, n % kKeyFrames == 0);
        if (picture) bytes_ += picture.value().data.size();
        failed_ = failed_ || !picture;
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<media::FramePtr> frames_;
  std::vector<std::size_t> taken_;
  std::size_t dropped_ = 0;
  std::atomic<bool> failed_{false};
  std::atomic<std::uint64_t> bytes_{0};
  std::vector<std::thread> threads_;
};

Result<void> bare(const std::string& file) {
  DVPE_TRY(auto source, Source::open(file));
  DVPE_TRY(auto decoder, media::makeH264Decoder(source.avcc));
  Floor floor(2, kVariants / 2);
  long long frames = 0;
  const auto drain = [&]() -> Result<void> {
    for (;; ++frames) {
      DVPE_TRY(auto picture, decoder->receive());
      if (!picture) return base::success();
      floor.push(std::move(picture->frame));
    }
  };
  const auto all = [&]() -> Result<void> {
    for (;;) {
      DVPE_TRY(auto packet, source.next());
      if (!packet) break;
      DVPE_CHECK(decoder->decode(packet->data, packet->pts, packet->dts, packet->key));
      DVPE_CHECK(drain());
    }
    decoder->flush();
    return drain();
  };
  const auto done = all();
  if (!floor.finish()) return base::fail(base::ErrorCode::kInternal, "an encoder failed");
  DVPE_CHECK(done);
  std::printf("{\"frames\":%lld,\"bytes\":%llu}\n", frames, static_cast<unsigned long long>(floor.bytes()));
  return base::success();
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  Result<void> done = base::fail(base::ErrorCode::kInvalidInput,
                                 "bench_render settings | paint FOLDER | ours FILE FOLDER | floor FILE");
  if (words.size() == 1 && words[0] == "settings") done = printSettings();
  if (words.size() == 2 && words[0] == "paint") done = paint(words[1]);
  if (words.size() == 3 && words[0] == "ours") done = ours(words[1], words[2]);
  if (words.size() == 2 && words[0] == "floor") done = bare(words[1]);
  if (done) return 0;
  std::fprintf(stderr, "bench_render: %s\n", done.error().message.c_str());
  return 1;
}
