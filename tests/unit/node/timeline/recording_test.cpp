// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/timeline/recording.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace dvpe::timeline {
namespace {

TEST(Recording, ReplaysEveryKindOfMessageInOrder) {
  std::string pattern = (std::filesystem::temp_directory_path() / "dvpe-recording-XXXXXX").string();
  const std::filesystem::path folder = ::mkdtemp(pattern.data());
  const auto bytes = base::share({1, 2, 3});
  CutState state{
      Ticks{9}, Cut{5, Ticks{3}, Span{SpanKind::kEvent, "e", "n", Ticks{1}, Ticks{2}}}, std::nullopt, std::nullopt, {}};
  state.events["goal"] = OpenEvent{Mark{"goal", true, Ticks{4}, {{"a", "b"}}}, Ticks{5}, std::nullopt, std::nullopt};
  {
    auto recorder = Recorder::create(folder / "r").value();
    recorder->write(VideoFormat{bytes});
    recorder->write(VideoPacket{Ticks{240000}, Ticks{-5}, true, bytes, {}});
    recorder->write(AudioFormat{2, "de", bytes});
    recorder->write(AudioPacket{2, Ticks{11}, bytes});
    recorder->write(Caption{0, "en", Ticks{1}, Ticks{2}, "hello"});
    recorder->write(CueOut{SpanKind::kBreak, "b", "", Ticks{6}, 30});
    recorder->write(CueIn{"b", Ticks{7}});
    recorder->write(Mark{"goal", false, Ticks{4}, {}});
    recorder->write(SourceLost{Ticks{1}});
    recorder->write(TimePasses{Ticks{2}});
    recorder->write(SourceBack{Ticks{3}});
    recorder->write(state);
    recorder->write(VideoFormat{});  // a channel begins anew
    recorder->write(AudioFormat{0, "eng", {}});
    EXPECT_FALSE(recorder->broken());
  }
  EXPECT_FALSE(Recorder::create(folder / "r"));  // never writes over one
  auto replay = Replay::open(folder / "r").value();
  std::vector<StampedMessage> all;
  for (auto m = replay->next(); m.value().has_value(); m = replay->next()) all.push_back(*m.value());
  ASSERT_EQ(all.size(), 14U);
  EXPECT_EQ(*std::get<VideoFormat>(all[0]).avcc, *bytes);
  EXPECT_EQ(std::get<VideoFormat>(all[12]).avcc, nullptr);
  EXPECT_EQ(std::get<AudioFormat>(all[13]).asc, nullptr);
  EXPECT_EQ(std::get<VideoPacket>(all[1]).dts, Ticks{-5});
  EXPECT_TRUE(std::get<VideoPacket>(all[1]).key);
  EXPECT_EQ(std::get<AudioFormat>(all[2]).language, "de");
  EXPECT_EQ(std::get<AudioPacket>(all[3]).pts, Ticks{11});
  EXPECT_EQ(std::get<Caption>(all[4]).text, "hello");
  EXPECT_EQ(std::get<CueOut>(all[5]).units, 30);
  EXPECT_EQ(std::get<CueIn>(all[6]).id, "b");
  EXPECT_FALSE(std::get<Mark>(all[7]).open);
  EXPECT_EQ(std::get<SourceBack>(all[10]).at, Ticks{3});
  const auto& read = std::get<CutState>(all[11]);
  EXPECT_EQ(read.last, state.last);
  EXPECT_EQ(read.events.at("goal").from, Ticks{5});
  EXPECT_EQ(read.events.at("goal").mark.values.at("a"), "b");
  // cut off in the middle of the last record: everything before it is still there
  std::filesystem::resize_file(folder / "r", std::filesystem::file_size(folder / "r") - 3);
  replay = Replay::open(folder / "r").value();
  std::size_t n = 0;
  for (auto m = replay->next(); m.value().has_value(); m = replay->next()) ++n;
  EXPECT_EQ(n, all.size() - 1);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace dvpe::timeline
