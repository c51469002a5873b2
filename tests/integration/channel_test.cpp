// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A channel from a publisher's packets to files and cells, without a network: stamper, cutter, decoder, renderer and
// packager as a node wires them. Pictures come from the real encoder.
#include "node/main/channel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/thread_pool.hpp>
#include <cstdlib>
#include <fstream>

#include "node/ingest/stamper.h"
#include "shared/media/audio.h"
#include "shared/media/video.h"

namespace dvpe::node {
namespace {

namespace fs = std::filesystem;
using base::Ticks;
using timeline::Cell;
using timeline::CutState;
using timeline::SpanKind;
using timeline::StampedMessage;

const timeline::Grid kGrid{model::FrameRate{30, 1}};

class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "dvpe-channel-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

model::Profile profileOf() {
  model::Profile profile;
  profile.id = "p";
  for (const auto& [name, width, height] : {std::tuple("v96", 160, 96), std::tuple("v48", 80, 48)}) {
    model::Rung rung;
    rung.name = name;
    rung.width = width;
    rung.height = height;
    rung.maxrate = 300000;
    profile.rungs.push_back(rung);
  }
  return profile;
}

model::Channel channelOf() {
  model::Channel channel;
  channel.id = "ch";
  channel.profile = "p";
  channel.epoch = base::WallTime{std::chrono::seconds(1767225600)};
  return channel;
}

// The stamped stream of a publisher, as ingest would write it.
class Tape final : public timeline::StampedSink {
 public:
  void push(StampedMessage message) override { all.push_back(std::move(message)); }
  std::vector<StampedMessage> all;
};

// Pictures and sound of a publisher: a key frame each second, one AAC frame that says its number in each slot.
class Source {
 public:
  Source() { restart(); }
  void send(ingest::Publication& p, base::ManualClock& clock, ingest::Stamper& stamper, int frames) {
    for (int i = 0; i < frames; ++i, ++frame_) {
      if (frame_ % 30 == 0) restart();
      media::Frame picture(160, 96);
      picture.fill(static_cast<std::uint8_t>(40 + frame_ % 100), 120, 130);
      for (int x = 0; x < 160; ++x) picture.plane(0)[picture.stride(0) * (frame_ % 96) + x] = 200;
      auto encoded = std::move(encoder_->encode(picture, false)).value();
      p.video(frame_ * 1000 / 30, 0, encoded.key, base::share(std::move(encoded.data)), {});
      for (; sound_ * 1024 / 48 < (frame_ + 1) * 1000 / 30; ++sound_) {
        base::Bytes aac = media::silentAacFrame();
        aac.push_back(static_cast<std::uint8_t>(sound_));
        p.audio(0, sound_ * 1024 / 48, base::share(std::move(aac)));
      }
      clock.advance(std::chrono::microseconds(1000000 / 30));
      stamper.tick();
    }
  }
  static void formats(ingest::Publication& p) {
    p.videoFormat(base::share(std::move(media::h264Parameters(profileOf().rungs[0], {30, 1})).value()));
    p.audioFormat(0, "", base::share(base::Bytes(media::aacLcStereoConfig())));
  }

 private:
  void restart() { encoder_ = std::move(media::makeH264Encoder(profileOf().rungs[0], {30, 1})).value(); }
  std::unique_ptr<media::VideoEncoder> encoder_;
  std::int64_t frame_ = 0, sound_ = 0;
};

class Diary final : public timeline::FeedListener {
 public:
  void spanAnnounced(const timeline::Span& s) override { announced.push_back(s); }
  void spanEnds(const std::string&, Ticks at) override { ended.push_back(at); }
  void cutMade(const timeline::Cut&) override {}
  void cellFinished(std::shared_ptr<const Cell> cell) override { cells.push_back(std::move(cell)); }
  std::vector<timeline::Span> announced;
  std::vector<Ticks> ended;
  std::vector<std::shared_ptr<const Cell>> cells;  // read after stop()
};

// One node's channel on a state folder of its own.
class Node {
 public:
  explicit Node(const fs::path& state) {
    ChannelOptions options;
    options.channel = channelOf();
    options.profile = profileOf();
    options.assetsFolder = "/nonexistent";
    options.state = state;
    auto made = Channel::create(std::move(options), pool_.get_executor(), budget_);
    if (!made) throw std::runtime_error(made.error().message);
    channel = std::move(made).value();
  }
  ~Node() {
    channel.reset();
    pool_.join();
  }
  // A red box for the cohort 0, always.
  void demandOverlay() {
    model::Overlay box;
    box.id = "box";
    model::Layer layer;
    layer.kind = model::LayerKind::kShape;
    layer.x = 250, layer.y = 250, layer.width = 500, layer.height = 500;
    layer.colour = "#ff0000";
    box.layers.push_back(layer);
    auto list = std::make_shared<timeline::DemandList>();
    list->push_back({0, "c", {{std::make_shared<const model::Overlay>(box), {}, model::Trigger::kAlways, ""}}, 1});
    channel->demand().set(std::move(list));
  }
  void run(const std::vector<StampedMessage>& stream, std::size_t from = 0) {
    channel->start({&diary});
    if (from > 0) {  // a node that joins is told of the formats first
      for (const auto& m : stream) {
        if (std::holds_alternative<timeline::VideoFormat>(m) || std::holds_alternative<timeline::AudioFormat>(m))
          channel->push(m);
      }
    }
    for (std::size_t i = from; i < stream.size(); ++i) channel->push(stream[i]);
    channel->stop();
  }
  fs::path file(const std::string& variant, const std::string& rendition, Ticks start) {
    return channel->window().pathOf("p-1", variant, rendition, start).value();
  }

  std::unique_ptr<Channel> channel;
  Diary diary;

 private:
  boost::asio::thread_pool pool_{2};
  render::Budget budget_{8, 4};
};

std::string bytesOf(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

class ChannelTest : public testing::Test {
 protected:
  // A stream of this many seconds, beginning on a grid cut; with a break of 6 units asked for after `breakAt` seconds.
  std::vector<StampedMessage> record(int seconds, int breakAt = -1) {
    Tape tape;
    base::ManualClock clock(channelOf().epoch + std::chrono::seconds(4000));
    ingest::Stamper stamper(channelOf(), kGrid, clock, tape, std::nullopt);
    auto p = std::move(stamper.open()).value();
    Source::formats(*p);
    Source source;
    for (int s = 0; s < seconds; ++s) {
      if (s == breakAt) {
        EXPECT_TRUE(stamper.cueOut({SpanKind::kBreak, "b", "", Ticks{0}, 6}));
      }
      source.send(*p, clock, stamper, 30);
    }
    return tape.all;
  }
  // Where a node that joins after this many seconds begins.
  static std::size_t after(const std::vector<StampedMessage>& stream, int seconds) {
    const Ticks from{(std::int64_t{4000} + seconds) * base::kTicksPerSecond};
    for (std::size_t i = 0; i < stream.size(); ++i) {
      const auto* state = std::get_if<CutState>(&stream[i]);
      if (state != nullptr && state->newest >= from) return i;
    }
    ADD_FAILURE();
    return 0;
  }
  static void expectContinuous(const std::vector<std::shared_ptr<const Cell>>& cells) {
    for (std::size_t i = 1; i < cells.size(); ++i) {
      EXPECT_EQ(cells[i]->msn, cells[i - 1]->msn + 1);
      EXPECT_EQ(cells[i]->start, cells[i - 1]->end);
    }
    for (const auto& c : cells) {
      EXPECT_GT(c->end, c->start);
      EXPECT_LE(c->end - c->start, kGrid.cell());
    }
  }
  // Every segment that the second has is, byte for byte, the first's.
  static int expectEqual(Node& one, Node& two) {
    int compared = 0;
    for (const auto& cell : two.diary.cells) {
      const auto same = std::find_if(one.diary.cells.begin(), one.diary.cells.end(),
                                     [&](const auto& c) { return c->msn == cell->msn; });
      if (same == one.diary.cells.end()) {
        ADD_FAILURE() << cell->msn;
        continue;
      }
      EXPECT_EQ((*same)->start, cell->start);
      EXPECT_EQ((*same)->end, cell->end);
      EXPECT_EQ((*same)->span, cell->span);
      EXPECT_EQ((*same)->variants, cell->variants);
      EXPECT_EQ((*same)->hole, cell->hole);
      for (const auto& variant : cell->variants) {
        for (const char* rendition : {"v96", "v48", "a0"}) {
          if (variant != "base" && rendition == std::string("a0")) continue;
          const std::string bytes = bytesOf(two.file(variant, rendition, cell->start));
          EXPECT_FALSE(bytes.empty()) << variant << rendition;
          EXPECT_TRUE(bytes == bytesOf(one.file(variant, rendition, cell->start)))
              << variant << " " << rendition << " " << cell->msn;
          ++compared;
        }
      }
    }
    return compared;
  }

  Folder folder_;
};

TEST_F(ChannelTest, MakesSegmentsOfAPublishersPacketsAndListsThemInOrder) {
  Node node(folder_.path());
  node.demandOverlay();
  node.run(record(14));
  const auto& cells = node.diary.cells;
  ASSERT_EQ(cells.size(), 3U);
  expectContinuous(cells);
  EXPECT_EQ(cells[0]->start, Ticks{4000 * base::kTicksPerSecond});
  EXPECT_EQ(cells[0]->msn, 1000);
  for (const auto& cell : cells) {
    EXPECT_FALSE(cell->hole);
    ASSERT_EQ(cell->variants.size(), 2U);
    EXPECT_EQ(cell->variantOfCohort, std::vector<std::uint16_t>{1});
    for (const auto& rendition : {"v96", "v48"}) {
      const auto base = bytesOf(node.file("base", rendition, cell->start)),
                 own = bytesOf(node.file(cell->variants[1], rendition, cell->start));
      EXPECT_EQ(base.substr(4, 4), "styp");
      EXPECT_FALSE(own.empty());
      EXPECT_NE(base, own);
    }
    EXPECT_FALSE(bytesOf(node.file("base", "a0", cell->start)).empty());
  }
  EXPECT_EQ(node.channel->decodeCounters().repeated, 0U);
  EXPECT_EQ(node.channel->decodeCounters().audioDropped, 0U);
}

TEST_F(ChannelTest, GivesTheSameBytesToANodeThatJoinsInTheMiddle) {
  const auto stream = record(18);
  Node one(folder_.path() / "one"), two(folder_.path() / "two");
  one.demandOverlay();
  two.demandOverlay();
  one.run(stream);
  two.run(stream, after(stream, 3));
  EXPECT_EQ(one.diary.cells.size(), 4U);
  EXPECT_EQ(two.diary.cells.size(), 3U);
  EXPECT_EQ(expectEqual(one, two), 3 * 5);
}

TEST_F(ChannelTest, GivesTheSameBytesToANodeThatJoinsInABreak) {
  const auto stream = record(20, 4);
  Node one(folder_.path() / "one"), two(folder_.path() / "two");
  one.demandOverlay();
  two.demandOverlay();
  one.run(stream);
  ASSERT_EQ(one.diary.announced.size(), 1U);
  const timeline::Span span = one.diary.announced[0];
  const std::size_t join = after(stream, static_cast<int>(base::seconds(span.start)) - 4000 + 2);
  ASSERT_TRUE(std::get<CutState>(stream[join]).open) << "inside the break";
  two.run(stream, join);
  expectContinuous(one.diary.cells);
  ASSERT_GE(two.diary.cells.size(), 3U);
  EXPECT_TRUE(two.diary.cells[0]->span) << "the rest of the break";
  EXPECT_FALSE(two.diary.cells.back()->span);
  expectEqual(one, two);
}

TEST_F(ChannelTest, GoesOnAfterARestartUnderTheNextNumbersWithAHoleAndThenTheProgramme) {
  std::vector<std::shared_ptr<const Cell>> listed;
  {
    Node node(folder_.path());
    node.run(record(10));
    listed = node.diary.cells;
    ASSERT_EQ(listed.size(), 2U);
  }
  // What a kill leaves when a cell was cut, but the one before it not listed yet.
  {
    auto journal = std::move(timeline::Journal::open((folder_.path() / "ch" / "journal").string())).value();
    CutState state = *journal->content().state;
    ASSERT_EQ(state.last->msn, listed.back()->msn + 1);
    state.last = timeline::Cut{state.last->msn + 1, state.last->at + kGrid.cell(), std::nullopt};
    state.newest = state.last->at + kGrid.unit();
    ASSERT_TRUE(journal->cut(state));
  }
  Node node(folder_.path());
  ASSERT_EQ(node.channel->journalled().cells.size(), 2U);
  ASSERT_TRUE(node.channel->resume());
  Tape tape;
  base::ManualClock clock(channelOf().epoch + std::chrono::milliseconds(4018300));
  ingest::Stamper stamper(channelOf(), kGrid, clock, tape, node.channel->resume());
  for (int i = 0; i < 30; ++i) {
    stamper.tick();
    clock.advance(std::chrono::milliseconds(100));
  }
  auto p = std::move(stamper.open()).value();
  Source::formats(*p);
  Source source;
  source.send(*p, clock, stamper, 30 * 12);
  node.run(tape.all);

  auto all = listed;
  all.insert(all.end(), node.diary.cells.begin(), node.diary.cells.end());
  expectContinuous(all);
  const auto& cells = node.diary.cells;
  ASSERT_GE(cells.size(), 6U);
  EXPECT_TRUE(cells[0]->hole) << "cut, but not listed before the end";
  EXPECT_TRUE(cells[1]->hole) << "open at the end";
  EXPECT_TRUE(cells[2]->hole) << "begun before the restart was over";
  for (std::size_t i = 3; i < cells.size(); ++i) {
    EXPECT_FALSE(cells[i]->hole) << i;
    EXPECT_FALSE(bytesOf(node.file("base", "v96", cells[i]->start)).empty()) << i;
    EXPECT_FALSE(bytesOf(node.file("base", "a0", cells[i]->start)).empty()) << i;
  }
  EXPECT_GT(node.channel->decodeCounters().decoded, 300U);
}

TEST_F(ChannelTest, RefusesAStateFolderWhoseInitSegmentsAreOfAnotherProfile) {
  { const Node node(folder_.path()); }
  ChannelOptions options;
  options.channel = channelOf();
  options.profile = profileOf();
  options.profile.rungs[0].width = 320;
  options.state = folder_.path();
  boost::asio::thread_pool pool(1);
  render::Budget budget(1, 0);
  const auto made = Channel::create(std::move(options), pool.get_executor(), budget);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, base::ErrorCode::kConflict);
  pool.join();
}

}  // namespace
}  // namespace dvpe::node
