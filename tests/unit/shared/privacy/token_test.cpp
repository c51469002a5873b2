// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/privacy/token.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <new>

// Counts allocations, to prove that the request path makes none.
namespace {
thread_local std::size_t allocations = 0;
}  // namespace
// Not inlined: GCC would see malloc meet delete, or new meet free, and warn.
[[gnu::noinline]] void* operator new(std::size_t n) {
  ++allocations;
  if (void* p = std::malloc(n)) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace dvpe::privacy {
namespace {

using base::ErrorCode;

constexpr std::int64_t kNow = 1'800'000'000;

SessionKeys::Key keyOf(std::uint8_t id) {
  std::array<std::uint8_t, 32> bytes{};
  bytes.fill(id);
  return {id, SecretKey(bytes)};
}

SessionClaims someone() {
  SessionClaims c;
  c.sessionId.fill(7);
  c.pseudonym.fill(9);
  c.channel = "news-1";
  c.expiry = kNow + 3600;
  c.consent("personalised_content");
  c.consent("house_rules");
  c.attributes["country"] = {std::string("DE")};
  c.attributes["age"] = {std::int64_t{-42}};
  c.attributes["adult"] = {true};
  c.attributes["interests"] = {std::make_shared<const model::Map>(model::Map{{"sports", {0.75}}, {"arts", {0.1}}})};
  c.attributes["languages"] = {
      std::make_shared<const model::List>(model::List{{std::string("de")}, {std::string("ar")}, {}})};
  return c;
}

class Tokens : public ::testing::Test {
 protected:
  base::SystemRandom random;
  SessionKeys keys{keyOf(2), keyOf(1)};
  TokenSealer sealer{keys, random};
};

template <class T>
const T& as(const model::Value& v) {
  return std::get<T>(v.v);
}

TEST_F(Tokens, SayWhatWasSealedIntoThem) {
  const auto token = sealer.seal(someone());
  ASSERT_TRUE(token);
  EXPECT_EQ(token.value().find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
            std::string::npos);
  const auto opened = sealer.open(token.value(), kNow);
  ASSERT_TRUE(opened);
  const SessionClaims& c = opened.value();
  EXPECT_EQ(c.keyId, 2);
  EXPECT_EQ(c.sessionId, someone().sessionId);
  EXPECT_EQ(c.pseudonym, someone().pseudonym);
  EXPECT_EQ(c.channel, "news-1");
  EXPECT_EQ(c.expiry, kNow + 3600);
  EXPECT_TRUE(c.consented("personalised_content"));
  EXPECT_TRUE(c.consented("house_rules"));
  EXPECT_FALSE(c.consented("personalised_ads"));
  EXPECT_FALSE(c.consented("other"));
  ASSERT_EQ(c.attributes.size(), 5u);
  EXPECT_EQ(as<std::string>(c.attributes.at("country")), "DE");
  EXPECT_EQ(as<std::int64_t>(c.attributes.at("age")), -42);
  EXPECT_TRUE(as<bool>(c.attributes.at("adult")));
  const auto& interests = *as<std::shared_ptr<const model::Map>>(c.attributes.at("interests"));
  EXPECT_EQ(as<double>(interests.at("sports")), 0.75);
  EXPECT_EQ(as<double>(interests.at("arts")), 0.1);
  const auto& languages = *as<std::shared_ptr<const model::List>>(c.attributes.at("languages"));
  ASSERT_EQ(languages.size(), 3u);
  EXPECT_EQ(as<std::string>(languages[1]), "ar");
  EXPECT_TRUE(std::holds_alternative<std::monostate>(languages[2].v));
}

TEST_F(Tokens, CarryTheExtremesOfNumbers) {
  SessionClaims c = someone();
  c.attributes.clear();
  const std::vector<std::int64_t> integers{0, 1, -1, std::numeric_limits<std::int64_t>::max(),
                                           std::numeric_limits<std::int64_t>::min()};
  const std::vector<double> reals{0.0, -0.0, 1e308, 3.5e38, -1e-300, std::numeric_limits<double>::infinity(), 1.0 / 3};
  for (std::size_t i = 0; i < integers.size(); ++i) c.attributes["i" + std::to_string(i)] = {integers[i]};
  for (std::size_t i = 0; i < reals.size(); ++i) c.attributes["r" + std::to_string(i)] = {reals[i]};
  const auto opened = sealer.open(sealer.seal(c).value(), kNow).value();
  for (std::size_t i = 0; i < integers.size(); ++i) {
    EXPECT_EQ(as<std::int64_t>(opened.attributes.at("i" + std::to_string(i))), integers[i]);
  }
  for (std::size_t i = 0; i < reals.size(); ++i) {
    EXPECT_EQ(as<double>(opened.attributes.at("r" + std::to_string(i))), reals[i]);
  }
}

TEST_F(Tokens, ExpireAtTheirSecond) {
  const auto token = sealer.seal(someone()).value();
  EXPECT_TRUE(sealer.open(token, kNow + 3599));
  EXPECT_EQ(sealer.open(token, kNow + 3600).error().code, ErrorCode::kRefused);
}

TEST_F(Tokens, OpenWithTheCurrentAndThePreviousKeyAndNoOther) {
  TokenSealer before({keyOf(1), std::nullopt}, random);
  const auto old = before.seal(someone()).value();
  EXPECT_EQ(sealer.open(old, kNow).value().keyId, 1);
  TokenSealer after({keyOf(3), keyOf(2)}, random);
  EXPECT_EQ(after.open(old, kNow).error().code, ErrorCode::kInvalidInput);
  EXPECT_TRUE(after.open(sealer.seal(someone()).value(), kNow));
}

TEST_F(Tokens, AreRefusedWhenAnyCharacterIsChangedAddedOrMissing) {
  const auto token = sealer.seal(someone()).value();
  for (std::size_t i = 0; i < token.size(); ++i) {
    auto changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_EQ(sealer.open(changed, kNow).error().code, ErrorCode::kInvalidInput) << i;
    EXPECT_FALSE(sealer.open(token.substr(0, i), kNow)) << i;
    changed[i] = '\xff';
    EXPECT_FALSE(sealer.open(changed, kNow)) << i;
  }
  EXPECT_FALSE(sealer.open(token + "A", kNow));
  EXPECT_FALSE(sealer.open(token + "=", kNow));
  EXPECT_FALSE(sealer.open(std::string(100'000, 'A'), kNow));
}

// The last character of an odd length has bits that mean nothing: only zero is taken, so that a session has one URL.
TEST_F(Tokens, HaveOneSpelling) {
  for (std::size_t extra = 0; extra < 3; ++extra) {
    SessionClaims c = someone();
    c.attributes["x"] = {std::string(extra, 'x')};
    const auto token = sealer.seal(c).value();
    int opened = 0;
    for (const char last : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")) {
      auto other = token;
      other.back() = last;
      opened += sealer.open(other, kNow) ? 1 : 0;
    }
    EXPECT_EQ(opened, 1) << token.size() % 4;
  }
}

TEST_F(Tokens, HaveAtMostSevenHundredCharacters) {
  SessionClaims c = someone();
  c.attributes.clear();
  std::size_t longest = 0;
  for (std::size_t n = 0; n < 600; ++n) {
    c.attributes["a"] = {std::string(n, 'a')};
    const auto token = sealer.seal(c);
    if (!token) {
      EXPECT_EQ(token.error().code, ErrorCode::kLimitExceeded);
      break;
    }
    longest = token.value().size();
    ASSERT_LE(longest, kMaxToken);
    EXPECT_TRUE(sealer.open(token.value(), kNow));
  }
  EXPECT_EQ(longest, kMaxToken);
}

TEST_F(Tokens, AreNotMadeOfClaimsThatBreakABound) {
  auto wrong = [&](auto&& change) {
    SessionClaims c = someone();
    change(c);
    const auto token = sealer.seal(c);
    return token ? std::string("made") : std::string(name(token.error().code));
  };
  EXPECT_EQ(wrong([](SessionClaims& c) { c.channel = ""; }), "invalid_input");
  EXPECT_EQ(wrong([](SessionClaims& c) { c.channel = "../x"; }), "invalid_input");
  EXPECT_EQ(wrong([](SessionClaims& c) { c.channel = std::string(65, 'c'); }), "invalid_input");
  EXPECT_EQ(wrong([](SessionClaims& c) { c.expiry = -1; }), "invalid_input");
  EXPECT_EQ(wrong([](SessionClaims& c) { c.attributes[""] = {true}; }), "invalid_input");
  EXPECT_EQ(wrong([](SessionClaims& c) { c.otherPurposes.assign(17, "p"); }), "invalid_input");
  EXPECT_EQ(wrong([](SessionClaims& c) { c.attributes["huge"] = {std::string(1 << 20, 'x')}; }), "limit_exceeded");
  EXPECT_EQ(wrong([](SessionClaims& c) {
              model::Value v{true};
              for (int i = 0; i < 5; ++i) v = {std::make_shared<const model::List>(model::List{v})};
              c.attributes["deep"] = v;
            }),
            "invalid_input");
}

TEST_F(Tokens, AreOpenedOnTheRequestPathWithoutAllocatingInAboutAMicrosecond) {
  const auto token = sealer.seal(someone()).value();
  TokenOpener opener(keys);
  ClaimsView view;
  ASSERT_TRUE(opener.openInto(token, kNow, view));
  EXPECT_EQ(view.channel, "news-1");
  const std::size_t before = allocations;
  constexpr int kRounds = 200'000;
  int opened = 0;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kRounds; ++i) opened += opener.openInto(token, kNow, view) ? 1 : 0;
  const auto ns =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - start).count();
  EXPECT_EQ(opened, kRounds);
  EXPECT_EQ(allocations, before);
  EXPECT_TRUE(toClaims(view));
  std::printf("[  figure  ] opening a token of %zu characters: %ld ns\n", token.size(),
              static_cast<long>(ns / kRounds));
}

TEST(SessionKeyFiles, HaveOneOrTwoKeysTheCurrentOneFirst) {
  const std::string a(64, 'a'), b(64, 'b');
  const auto keys = parseSessionKeys("# made by hand\n\n7 " + a + "\r\n6 " + b);
  ASSERT_TRUE(keys);
  EXPECT_EQ(keys.value().current.id, 7);
  ASSERT_TRUE(keys.value().previous);
  EXPECT_EQ(keys.value().previous->id, 6);
  EXPECT_EQ(keys.value().previous->secret.bytes()[31], 0xbb);
  for (const std::string& text : {std::string(), "1 " + a + "\n1 " + b, "1 " + a + "\n2 " + b + "\n3 " + a, "256 " + a,
                                  a, "1 " + a.substr(1), "1 " + a + "0", "1 " + std::string(64, 'g'), "-1 " + a}) {
    const auto bad = parseSessionKeys(text);
    ASSERT_FALSE(bad) << text;
    EXPECT_EQ(bad.error().message.find(std::string(60, 'a')), std::string::npos) << "no secrets in messages";
  }
}

}  // namespace
}  // namespace dvpe::privacy
