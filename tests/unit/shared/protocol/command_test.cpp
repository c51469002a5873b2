// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/protocol/command.h"

#include <gmock/gmock.h>

namespace dvpe::protocol {
namespace {

using base::ErrorCode;
using ::testing::HasSubstr;

const std::string kHold = R"({\"kind\":\"hold\",\"id\":\"h\",\"organisation\":\"demo\",\"revision\":1,\"body\":{}})";

Command command(const std::string& name, const std::string& arguments) {
  return {std::string(32, '1'), "n1", name, arguments, 1'800'000'000'000'000, 1'800'000'060, ""};
}
std::string whyNot(const std::string& json) {
  const auto parsed = parseCommand(json);
  return parsed ? "accepted" : parsed.error().message;
}
std::string whyNot(const std::string& name, const std::string& arguments) {
  return whyNot(toJson(command(name, arguments)));
}

TEST(Commands, ComeBackAsTheyWereWritten) {
  Command c = command("break.start", R"( {"units" : 30, "channel": "one"} )");
  for (const std::string& grant : {std::string(), std::string("3b9f0a1c-0000-4000-8000-00000000abcd")}) {
    for (const char* node : {"", "n1"}) {
      c.grant = grant;
      c.node = node;
      const auto back = parseCommand(toJson(c));
      ASSERT_TRUE(back.has_value()) << back.error().message;
      EXPECT_EQ(back.value().command, c) << "arguments to the byte";
    }
  }
}

TEST(Commands, HaveTypedArguments) {
  const auto read = [](const std::string& name, const std::string& arguments) {
    const auto parsed = parseCommand(toJson(command(name, arguments)));
    EXPECT_TRUE(parsed.has_value()) << parsed.error().message;
    return parsed.value().arguments;
  };
  for (const char* name : {"status", "drain", "undrain"}) {
    EXPECT_TRUE(std::holds_alternative<NoArguments>(read(name, "{}")));
  }
  EXPECT_EQ(std::get<ChannelArguments>(read("channel.restart", R"({"channel":"one"})")).channel, "one");
  EXPECT_EQ(std::get<ChannelArguments>(read("break.stop", R"({"channel":"one"})")).channel, "one");
  const auto start = std::get<BreakArguments>(read("break.start", R"({"channel":"one","units":600,"id":"b1"})"));
  EXPECT_EQ(start.units, 600);
  EXPECT_EQ(start.id, "b1");
  EXPECT_TRUE(std::get<CleanArguments>(read("feed.clean", R"({"channel":"one","on":true})")).on);
  EXPECT_EQ(std::get<LogArguments>(read("log.level", R"({"level":"debug"})")).level, "debug");
  const auto count = std::get<CountArguments>(read("count", R"({"channel":"one","when":"viewer.age > 3"})"));
  EXPECT_EQ(count.channel, "one");
  EXPECT_EQ(count.when, "viewer.age > 3");
  const auto effective = std::get<EffectiveArguments>(read("release.effective", R"({"keys":3,"sequence":12,"at":5})"));
  EXPECT_EQ(effective.order, (release::Order{3, 12}));
  EXPECT_EQ(effective.at, 5);
  const auto hold =
      std::get<HoldArguments>(read("hold", R"({"document":")" + kHold + R"(","key":"0123456789abcdef","signature":")" +
                                               std::string(128, 'a') + "\"}"));
  EXPECT_EQ(hold.header.organisation, "demo");
  EXPECT_EQ(hold.document.by.at(0).key, "0123456789abcdef");
}

TEST(Commands, NameEveryMistakeOfTheirArguments) {
  const std::string why = whyNot("break.start", R"({"chanel":"one","units":601,"id":"a b"})");
  EXPECT_THAT(why, HasSubstr("/arguments: \"channel\" is missing"));
  EXPECT_THAT(why, HasSubstr("/arguments/chanel: unknown key; did you mean \"channel\"?"));
  EXPECT_THAT(why, HasSubstr("/arguments/units: expected a whole number from 1 to 600, found 601"));
  EXPECT_THAT(why, HasSubstr("/arguments/id: expected a name"));
}

TEST(Commands, RefuseArgumentsThatAreNotTheirs) {
  EXPECT_NE(whyNot("status", R"({"channel":"one"})"), "accepted");
  EXPECT_NE(whyNot("drain", "[]"), "accepted");
  EXPECT_NE(whyNot("drain", "{"), "accepted");
  EXPECT_NE(whyNot("drain", ""), "accepted");
  EXPECT_NE(whyNot("channel.restart", "{}"), "accepted");
  EXPECT_NE(whyNot("break.start", R"({"channel":"one","units":0})"), "accepted");
  EXPECT_NE(whyNot("break.start", R"({"channel":"one","units":1.5})"), "accepted");
  EXPECT_NE(whyNot("feed.clean", R"({"channel":"one"})"), "accepted");
  EXPECT_NE(whyNot("feed.clean", R"({"channel":"one","on":"yes"})"), "accepted");
  EXPECT_NE(whyNot("log.level", R"({"level":"loud"})"), "accepted");
  EXPECT_NE(whyNot("count", R"({"channel":"one"})"), "accepted");
  EXPECT_NE(whyNot("count", R"({"channel":"one","when":")" + std::string(5000, '1') + "\"}"), "accepted");
  EXPECT_NE(whyNot("release.effective", R"({"keys":1,"sequence":0,"at":1})"), "accepted");
  EXPECT_NE(whyNot("hold", R"({"document":"{}","key":"k","signature":""})"), "accepted");
  EXPECT_THAT(whyNot("reboot", "{}"), HasSubstr("there is no command \"reboot\""));
}

TEST(Commands, AreReadStrictly) {
  const std::string good = toJson(command("status", "{}"));
  EXPECT_EQ(whyNot(good), "accepted");
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    return whyNot(text);
  };
  EXPECT_THAT(with("\"command\"", "\"release\""), HasSubstr("/kind"));
  EXPECT_THAT(with(std::string(32, '1'), std::string(32, 'A')), HasSubstr("/id"));
  EXPECT_THAT(with("\"n1\"", "\"\""), HasSubstr("/node"));
  EXPECT_THAT(with("\"n1\"", "\"n1\",\"grant\":\"x\""), HasSubstr("/grant"));
  EXPECT_THAT(with("\"node\"", "\"nodes\""), HasSubstr("unknown key; did you mean \"node\"?"));
  EXPECT_THAT(with("1800000060", "1e99"), HasSubstr("/expires"));
  EXPECT_THAT(with("\"{}\"", "{}"), HasSubstr("/arguments: expected a string"));
  EXPECT_EQ(parseCommand(std::string(kMaxCommandBytes + 1, ' ')).error().code, ErrorCode::kLimitExceeded);
  EXPECT_FALSE(parseCommand(std::string(60'000, '[')).has_value());
  std::string deep = "{\"channel\":";
  for (int i = 0; i < 10'000; ++i) deep += '[';
  EXPECT_NE(whyNot("break.stop", deep), "accepted");
}

TEST(Commands, AreNotSignedWhenNobodyWouldReadThem) {
  const auto key = release::PrivateKey::generate();
  EXPECT_EQ(signCommand(command("reboot", "{}"), key).error().code, ErrorCode::kInvalidInput);
  const auto good = signCommand(command("status", "{}"), key);
  ASSERT_TRUE(good.has_value());
  ASSERT_EQ(good.value().by.size(), 1U);
  EXPECT_TRUE(
      verify(key.publicKey(), release::Domain::kCommand, base::view(good.value().bytes), good.value().by[0].signature));
}

TEST(Commands, AreEachInTheTableOnce) {
  std::set<std::string_view> names;
  for (const auto& rule : commands()) {
    EXPECT_TRUE(names.insert(rule.name).second) << rule.name;
    EXPECT_FALSE(rule.roles.empty()) << rule.name;
    EXPECT_EQ(findCommand(rule.name), &rule);
  }
  EXPECT_EQ(names.size(), 11U);
  EXPECT_EQ(findCommand(""), nullptr);
}

TEST(Changes, AreNamedAsTheDatabaseNamesThem) {
  // SELECT session.change('node.command', 'drain', 'n1', '{}') and the same with 'ä' for 'n1'.
  EXPECT_EQ(change({"node.command", "drain", "n1", "{}"}),
            "9a8c3bb8b696ccec456cc52c628054e778a7fd3054a90affd36798b08e006cf0");
  EXPECT_EQ(change({"node.command", "drain", "\xc3\xa4", "{}"}),
            "069c912b123fc67876c98d7668488fb65aca532978e8d140d5f8401e61d9afa2");
  EXPECT_EQ(changeOf(command("drain", "{}")), change({"node.command", "drain", "n1", "{}"}));
  EXPECT_NE(change({"a", "bc"}), change({"ab", "c"}));
  EXPECT_NE(change({"a", ""}), change({"a"}));
}

}  // namespace
}  // namespace dvpe::protocol
