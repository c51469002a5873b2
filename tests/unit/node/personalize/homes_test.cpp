// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/personalize/homes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace dvpe::personalize {
namespace {

constexpr int kViewers = 100'000;

std::vector<Peer> peersNamed(const std::vector<std::string>& names) {
  std::vector<Peer> out;
  out.reserve(names.size());
  for (const auto& name : names) out.push_back({name, "https://" + name + ".example"});
  return out;
}

// The same viewers at each run: the generator's sequence is fixed by the standard.
std::vector<privacy::Pseudonym> viewers(int count = kViewers) {
  std::mt19937_64 generator(7);
  std::vector<privacy::Pseudonym> out(static_cast<std::size_t>(count));
  for (auto& viewer : out) {
    for (std::size_t i = 0; i < viewer.size(); i += 8) {
      const std::uint64_t bits = generator();
      for (std::size_t b = 0; b < 8; ++b) viewer[i + b] = static_cast<std::uint8_t>(bits >> 8 * b);
    }
  }
  return out;
}

const std::string& nameOf(const Homes& homes, const privacy::Pseudonym& viewer) {
  return homes.peers()[homes.of(viewer)].name;
}

const std::vector<std::string> kNames{"north", "east.1", "east.2", "south", "west", "edge-6", "edge-7", "edge-8"};

TEST(HomeWeight, NeverChanges) {
  // Nodes of different versions must agree: these were computed apart from the code, by what its header says.
  const privacy::Pseudonym zeroes{};
  privacy::Pseudonym counting{}, ones{};
  for (std::size_t i = 0; i < counting.size(); ++i) counting[i] = static_cast<std::uint8_t>(i);
  ones.fill(0xFF);
  EXPECT_EQ(homeWeight("a", zeroes), 0x98671079acb4e4e4ULL);
  EXPECT_EQ(homeWeight("a", counting), 0x3469d1a470b2637aULL);
  EXPECT_EQ(homeWeight("a", ones), 0x706b02ff3d5f1a8fULL);
  EXPECT_EQ(homeWeight("b", zeroes), 0xe35b0e21f281657eULL);
  EXPECT_EQ(homeWeight("b", counting), 0xfafd1a3027fde72dULL);
  EXPECT_EQ(homeWeight("edge-1", zeroes), 0x5ba2dcfda67d9cc6ULL);
  EXPECT_EQ(homeWeight("edge-1", ones), 0xdbba96644311987dULL);
  EXPECT_EQ(homeWeight("edge-2.example", counting), 0xf414d688a8ed5074ULL);
  EXPECT_EQ(homeWeight("", zeroes), 0x8932c885a3fe960eULL);
}

TEST(Homes, AreAgreedUponWhateverTheOrderAndWhoeverAsks) {
  auto names = kNames;
  const Homes first(names.front(), peersNamed(names));
  std::mt19937 order(3);
  for (int i = 0; i < 8; ++i) {
    std::shuffle(names.begin(), names.end(), order);
    const Homes other(names.back(), peersNamed(names));
    EXPECT_EQ(other.peers()[other.self()].name, names.back());
    for (const auto& viewer : viewers(2'000)) ASSERT_EQ(nameOf(other, viewer), nameOf(first, viewer));
  }
}

TEST(Homes, AreSharedOutEvenly) {
  for (const std::size_t nodes : {2U, 3U, 8U}) {
    const Homes homes(kNames[0], peersNamed({kNames.begin(), kNames.begin() + static_cast<std::ptrdiff_t>(nodes)}));
    std::vector<int> share(nodes);
    for (const auto& viewer : viewers()) ++share[homes.of(viewer)];
    const double even = static_cast<double>(kViewers) / static_cast<double>(nodes);
    for (std::size_t i = 0; i < nodes; ++i) EXPECT_NEAR(share[i], even, 0.05 * even) << kNames[i] << " of " << nodes;
  }
}

TEST(Homes, MoveOnlyToANodeThatComes) {
  const Homes seven(kNames[0], peersNamed({kNames.begin(), kNames.end() - 1})), eight(kNames[0], peersNamed(kNames));
  int moved = 0;
  for (const auto& viewer : viewers()) {
    if (nameOf(seven, viewer) == nameOf(eight, viewer)) continue;
    ++moved;
    ASSERT_EQ(nameOf(eight, viewer), kNames.back());
  }
  EXPECT_NEAR(moved, kViewers / 8.0, 0.05 * kViewers / 8.0);
}

TEST(Homes, AreHereWhenNobodySharesTheViewers) {
  for (const Homes& homes : {Homes("only"), Homes("only", peersNamed({"only"}))}) {
    EXPECT_FALSE(homes.several());
    EXPECT_EQ(homes.peers()[homes.self()].name, "only");
    for (const auto& viewer : viewers(100)) {
      EXPECT_TRUE(homes.here(viewer));
      EXPECT_EQ(homes.elsewhere(viewer), nullptr);
    }
  }
}

TEST(Homes, AreNowhereToBeSentToUntilTheyAreUp) {
  Homes homes("north", peersNamed({"north", "south"}));
  EXPECT_TRUE(homes.up(homes.self()));
  const auto all = viewers(100);
  const auto away = std::find_if(all.begin(), all.end(), [&](const auto& v) { return !homes.here(v); });
  const auto here = std::find_if(all.begin(), all.end(), [&](const auto& v) { return homes.here(v); });
  ASSERT_TRUE(away != all.end() && here != all.end());
  EXPECT_EQ(homes.elsewhere(*away), nullptr) << "not heard of yet";
  homes.setUp(1, true);
  ASSERT_NE(homes.elsewhere(*away), nullptr);
  EXPECT_EQ(homes.elsewhere(*away)->name, "south");
  EXPECT_EQ(homes.elsewhere(*here), nullptr);
  homes.setUp(1, false);
  EXPECT_EQ(homes.elsewhere(*away), nullptr);
  EXPECT_FALSE(homes.here(*away)) << "down or not, it is home: what was shown is known there";
}

TEST(AnOrigin, IsASchemeAHostAndPerhapsAPort) {
  struct Good {
    const char* url;
    bool tls;
    const char* host;
    std::uint16_t port;
  };
  for (const Good& good :
       {Good{"https://edge-1.example", true, "edge-1.example", 443}, Good{"http://edge", false, "edge", 80},
        Good{"http://127.0.0.1:8080", false, "127.0.0.1", 8080},
        Good{"https://[2001:db8::1]:8443", true, "2001:db8::1", 8443},
        Good{"HTTPS://Edge.Example", true, "Edge.Example", 443}}) {
    const auto origin = parseOrigin(good.url);
    ASSERT_TRUE(origin) << good.url;
    EXPECT_EQ(origin.value().tls, good.tls) << good.url;
    EXPECT_EQ(origin.value().host, good.host) << good.url;
    EXPECT_EQ(origin.value().port, good.port) << good.url;
  }
}

TEST(AnOrigin, IsNothingElse) {
  for (const std::string& bad : {std::string(),
                                 std::string("edge"),
                                 std::string("edge:80"),
                                 std::string("//edge"),
                                 std::string("https://"),
                                 std::string("https:///"),
                                 std::string("https://edge/"),
                                 std::string("https://edge/path"),
                                 std::string("https://edge?"),
                                 std::string("https://edge?q=1"),
                                 std::string("https://edge#"),
                                 std::string("https://user@edge"),
                                 std::string("https://user:word@edge"),
                                 std::string("https://@edge"),
                                 std::string("https://edge:"),
                                 std::string("https://edge:0"),
                                 std::string("https://edge:65536"),
                                 std::string("https://edge:eighty"),
                                 std::string("ftp://edge"),
                                 std::string("javascript:alert(1)"),
                                 std::string("https://ed ge"),
                                 std::string("https://edge\r\nX: 1"),
                                 std::string("https://edge%0d%0a"),
                                 std::string("https://edge;x"),
                                 std::string("https://edge\\x"),
                                 std::string("https://edge'"),
                                 std::string("https://edge\0x", 14),
                                 std::string(" https://edge"),
                                 "https://" + std::string(300, 'a')}) {
    EXPECT_FALSE(parseOrigin(bad)) << bad;
  }
}

}  // namespace
}  // namespace dvpe::personalize
