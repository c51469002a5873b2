// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/render/renderer.h"

#include <gtest/gtest.h>

#include <boost/asio/thread_pool.hpp>

#include "tests/unit/node/render/overlays.h"

namespace dvpe::render {
namespace {

struct Segment {
  std::vector<base::Bytes> pictures;
  std::vector<Ticks> times;
  std::vector<bool> keys;
  Ticks end{-1};
  std::string failure;
};

// Remembers all segments by "<msn>/<variant>/<rung>".
class Shelf final : public RenderListener {
 public:
  std::unique_ptr<SegmentOutput> open(std::int64_t msn, Ticks, const std::string& variant, std::size_t rung) override {
    const std::lock_guard lock(mutex);
    return std::make_unique<Output>(segments[std::to_string(msn) + "/" + variant + "/" + std::to_string(rung)]);
  }
  void frameDone(std::chrono::steady_clock::duration, bool) override { ++frames; }

  class Output final : public SegmentOutput {
   public:
    explicit Output(Segment& s) : s_(s) {}
    base::Result<void> add(Ticks at, media::EncodedPicture p) override {
      s_.pictures.push_back(std::move(p.data));
      s_.times.push_back(at);
      s_.keys.push_back(p.key);
      return base::success();
    }
    void finish(Ticks end) override { s_.end = end; }
    void fail(const base::Error& error) override { s_.failure = error.message; }

   private:
    Segment& s_;
  };

  std::mutex mutex;
  std::map<std::string, Segment> segments;
  std::atomic<int> frames{0};
};

class RendererTest : public ::testing::Test {
 protected:
  RendererTest() {
    profile_.id = "p";
    for (const auto& [name, width, height] : {std::tuple("v192", 320, 192), std::tuple("v96", 160, 96)}) {
      model::Rung r;
      r.name = name;
      r.width = width;
      r.height = height;
      r.maxrate = 400000;
      profile_.rungs.push_back(r);
    }
  }
  static std::shared_ptr<media::Frame> picture(int n) {
    auto f = std::make_shared<media::Frame>(320, 192);
    f->fill(static_cast<std::uint8_t>(60 + n % 50), 128, 128);
    return f;
  }
  static Variant variant(const std::string& id, model::Overlay overlay = test::overlay("a")) {
    return {id, {{test::shared(std::move(overlay)), {}, {}, Ticks{0}, std::nullopt, {}}}, 1};
  }
  // Cells of one unit each, one after the other, with these variants.
  void run(Shelf& shelf, const std::vector<std::vector<Variant>>& cells, int firstCell = 0) {
    boost::asio::thread_pool pool(2);
    Renderer renderer(profile_, {}, "/nonexistent", pool.get_executor(), shelf);
    int n = firstCell * 30;
    for (std::size_t c = 0; c < cells.size(); ++c) {
      renderer.begin(static_cast<std::int64_t>(c) + firstCell, Ticks{8000} * n, cells[c]);
      for (int i = 0; i < 30; ++i, ++n) renderer.frame(Ticks{8000} * n, picture(n), {});
    }
    renderer.begin(1000, Ticks{8000} * n, {});
    renderer.wait();
    EXPECT_GT(renderer.programmeCost(), 0);
    pool.join();
  }
  model::Profile profile_;
};

TEST_F(RendererTest, GivesEachRungOfTheBaseAndOfEachVariantASegmentThatStartsWithAKeyFrame) {
  Shelf shelf;
  run(shelf, {{variant("x")}, {}});
  for (const char* name : {"0/base/0", "0/base/1", "0/x/0", "0/x/1", "1/base/0", "1/base/1"}) {
    ASSERT_TRUE(shelf.segments.contains(name)) << name;
    const Segment& s = shelf.segments[name];
    EXPECT_EQ(s.pictures.size(), 30U) << name;
    EXPECT_TRUE(s.keys.front()) << name;
    EXPECT_EQ(s.end, s.times.front() + Ticks{240000}) << name;
    EXPECT_TRUE(s.failure.empty()) << s.failure;
  }
  EXPECT_FALSE(shelf.segments.contains("1/x/0"));
}

TEST_F(RendererTest, MakesEqualBytesOfEqualPicturesWhateverCameBefore) {
  Shelf one, two;
  run(one, {{}, {}, {variant("x")}, {variant("x")}});
  run(two, {{variant("x"), variant("y", test::overlay("b"))}}, 3);
  for (const char* name : {"3/base/0", "3/base/1", "3/x/0", "3/x/1"}) {
    EXPECT_EQ(one.segments[name].pictures, two.segments[name].pictures) << name;
  }
}

TEST_F(RendererTest, ChangesAVariantInsideOfItsOverlayOnly) {
  Shelf shelf;
  run(shelf, {{variant("x")}});
  const auto last = [&](const std::string& name) {
    auto decoder =
        std::move(media::makeH264Decoder(std::move(media::h264Parameters(profile_.rungs[0], profile_.fps)).value()))
            .value();
    media::FramePtr frame;
    const Segment& s = shelf.segments[name];
    for (std::size_t i = 0; i < s.pictures.size(); ++i) {
      EXPECT_TRUE(decoder->decode(s.pictures[i], s.times[i], s.times[i], s.keys[i]));
      for (auto f = decoder->receive(); f && f.value(); f = decoder->receive()) frame = f.value()->frame;
    }
    return frame;
  };
  const auto base = last("0/base/0"), own = last("0/x/0");
  ASSERT_TRUE(base && own);
  const auto luma = [](const media::Frame& f, int x, int y) {
    return static_cast<int>(f.plane(0)[y * f.stride(0) + x]);
  };
  EXPECT_NEAR(luma(*base, 160, 120), 89, 3);
  EXPECT_NEAR(luma(*own, 160, 120), 63, 4) << "red, BT.709";
  for (const auto& [x, y] : {std::pair(8, 8), std::pair(300, 20), std::pair(20, 180), std::pair(160, 60)}) {
    EXPECT_NEAR(luma(*own, x, y), luma(*base, x, y), 2) << x << "," << y;
  }
}

TEST_F(RendererTest, FailsTheVariantThatCannotBePaintedAndNothingElse) {
  auto broken = test::overlay("broken");
  broken.layers[0].kind = model::LayerKind::kImage;
  broken.layers[0].image = "missing";
  Shelf shelf;
  run(shelf, {{variant("x", broken)}});
  EXPECT_FALSE(shelf.segments["0/x/0"].failure.empty());
  EXPECT_EQ(shelf.segments["0/x/0"].end, Ticks{-1});
  EXPECT_TRUE(shelf.segments["0/base/0"].failure.empty());
  EXPECT_EQ(shelf.segments["0/base/0"].pictures.size(), 30U);
}

TEST_F(RendererTest, PassesOverPicturesBeforeTheFirstCell) {
  boost::asio::thread_pool pool(1);
  Shelf shelf;
  Renderer renderer(profile_, {}, "/nonexistent", pool.get_executor(), shelf);
  renderer.frame(Ticks{0}, picture(0), {});
  renderer.begin(1, Ticks{8000}, {});
  renderer.frame(Ticks{8000}, picture(1), std::chrono::steady_clock::now());
  renderer.begin(2, Ticks{16000}, {});
  renderer.wait();
  EXPECT_EQ(shelf.segments["1/base/0"].times, std::vector<Ticks>{Ticks{8000}});
  EXPECT_EQ(shelf.frames, 2) << "one for each rung, of the picture that arrived";
  pool.join();
}

}  // namespace
}  // namespace dvpe::render
