// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <gmock/gmock.h>

#include "shared/protocol/command.h"
#include "tests/unit/shared/release/support.h"

namespace dvpe::protocol {
namespace {

using base::ErrorCode;
using release::Role;
using ::testing::HasSubstr;
using namespace release::test;

constexpr std::int64_t kMicros = 1'000'000;

base::WallTime at(release::Time seconds) { return base::WallTime(std::chrono::seconds(seconds)); }

// A node n1 that started a minute ago, and the people of its keys.
class Gates : public ::testing::Test {
 protected:
  Gates() { take(2, {}); }

  // Takes a revision of the keys into force, with ada's key changed so.
  void take(int revision, const std::function<void(release::Key&)>& change) {
    release::Key ada = people_.line("ada", {Role::kAdmin});
    if (change) change(ada);
    release::Key bound = people_.line("bo", {Role::kBroadcaster});
    bound.channels = {"one"};
    const auto keys = document(
        revision, {ada, bound, people_.line("bea", {Role::kBroadcaster}), people_.line("ann", {Role::kAnalyst}),
                   people_.line("carl", {Role::kCoordinator}), people_.line("cleo", {Role::kCreator}),
                   people_.line("shopkeeper", {Role::kAdvertiser}, "shop")});
    ASSERT_TRUE(ring_.advance(people_.sign(toJson(keys), release::Domain::kKeys, {"root"}), kNow).has_value());
  }

  Command command(const std::string& name, const std::string& arguments = "{}") {
    return {std::string(32, 'c'), "n1", name, arguments, kNow * kMicros + ++count_, kNow + 60, ""};
  }
  release::Signed sign(const Command& c, const std::string& by) {
    auto out = signCommand(c, people_.key(by));
    EXPECT_TRUE(out.has_value()) << out.error().message;
    return std::move(out).value();
  }
  base::Result<Accepted> check(const Command& c, const std::string& by, release::Time now = kNow) {
    return gate_.check(sign(c, by), ring_, at(now));
  }
  std::string why(const Command& c, const std::string& by, release::Time now = kNow) {
    const auto checked = check(c, by, now);
    return checked ? "accepted" : std::string(base::name(checked.error().code)) + ": " + checked.error().message;
  }
  std::string holdArguments(const std::string& by, const std::string& organisation, const std::string& body = "{}") {
    const std::string text =
        R"({"kind":"hold","id":"h","organisation":")" + organisation + R"(","revision":1,"body":)" + body + "}";
    const auto document = people_.sign(text, release::Domain::kDocument, {by});
    std::string quoted;
    for (const char ch : text) quoted += ch == '"' ? "\\\"" : std::string(1, ch);
    return R"({"document":")" + quoted + R"(","key":")" + document.by[0].key + R"(","signature":")" +
           base::hex(document.by[0].signature) + "\"}";
  }

  People people_;
  release::KeyRing ring_{people_.key("root").publicKey()};
  CommandGate gate_{"n1", at(kNow - 60)};
  std::int64_t count_ = 0;
  const std::string stopOne_ = R"({"channel":"one"})", stopTwo_ = R"({"channel":"two"})";
};

TEST_F(Gates, AcceptWhatIsInOrderAndSayWhoseItIs) {
  const auto accepted = check(command("break.stop", stopOne_), "bea");
  ASSERT_TRUE(accepted.has_value()) << accepted.error().message;
  EXPECT_EQ(accepted.value().person, "bea");
  EXPECT_EQ(accepted.value().organisation, "demo");
  EXPECT_EQ(accepted.value().key, people_.key("bea").id());
  EXPECT_FALSE(accepted.value().grantNeeded);
  EXPECT_EQ(std::get<ChannelArguments>(accepted.value().arguments).channel, "one");
  Command all = command("status");
  all.node = "";
  EXPECT_EQ(why(all, "bea"), "accepted") << "for every node";
}

TEST_F(Gates, NoticeABitFlippedAnywhere) {
  const release::Signed good = sign(command("status"), "bea");
  for (std::size_t i = 0; i < good.bytes.size(); ++i) {
    release::Signed bad = good;
    bad.bytes[i] = static_cast<char>(bad.bytes[i] ^ 1);
    EXPECT_EQ(gate_.check(bad, ring_, at(kNow)).error().code, ErrorCode::kRefused) << i;
  }
  release::Signed bad = good;
  bad.by[0].signature[7] ^= 1;
  EXPECT_EQ(gate_.check(bad, ring_, at(kNow)).error().message, "the signature of bea does not hold");
  EXPECT_TRUE(gate_.check(good, ring_, at(kNow)).has_value()) << "nothing was remembered of them";
}

TEST_F(Gates, RefuseASignatureOfAnotherDomainNoneOrTwo) {
  const std::string text = toJson(command("status"));
  EXPECT_FALSE(gate_.check(people_.sign(text, release::Domain::kDocument, {"bea"}), ring_, at(kNow)).has_value());
  for (const auto& by : {std::initializer_list<std::string>{}, {"bea", "ada"}}) {
    EXPECT_EQ(gate_.check(people_.sign(text, release::Domain::kCommand, by), ring_, at(kNow)).error().message,
              "a command has exactly one signature");
  }
}

TEST_F(Gates, LookAtTheLengthFirst) {
  const release::Signed large =
      people_.sign(std::string(kMaxCommandBytes + 1, ' '), release::Domain::kCommand, {"bea"});
  EXPECT_EQ(gate_.check(large, ring_, at(kNow)).error().code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(gate_.check(people_.sign("{", release::Domain::kCommand, {"bea"}), ring_, at(kNow)).error().code,
            ErrorCode::kInvalidInput);
  EXPECT_EQ(gate_.check(people_.sign("{", release::Domain::kCommand, {"stranger"}), ring_, at(kNow)).error().code,
            ErrorCode::kRefused)
      << "a stranger's text is not read";
}

TEST_F(Gates, RefuseWhoIsNotAmongTheKeysOrHasNoRole) {
  EXPECT_THAT(why(command("status"), "stranger"), HasSubstr("is not among the keys"));
  EXPECT_EQ(why(command("status"), "ann"), "accepted") << "any role";
  EXPECT_EQ(why(command("break.stop", stopOne_), "ann"),
            "refused: ann may not order \"break.stop\": that takes broadcaster");
  EXPECT_THAT(why(command("break.stop", stopOne_), "ada"), HasSubstr("may not order")) << "not even an admin";
  EXPECT_THAT(why(command("release.effective", R"({"keys":1,"sequence":1,"at":1})"), "ada"),
              HasSubstr("that takes coordinator"));
  EXPECT_EQ(why(command("release.effective", R"({"keys":1,"sequence":1,"at":1})"), "carl"), "accepted");
  EXPECT_THAT(why(command("drain"), "carl"), HasSubstr("that takes admin"));
  EXPECT_EQ(why(command("log.level", R"({"level":"info"})"), "bea"), "accepted");
}

TEST_F(Gates, RefuseACompromisedAndAnExpiredKey) {
  take(3, [](release::Key& ada) { ada.compromisedFrom = kNow; });
  EXPECT_EQ(why(command("status"), "ada"), "refused: the key of ada was not valid then");
  take(4, [](release::Key& ada) { ada.notAfter = kNow; });
  EXPECT_EQ(why(command("status"), "ada"), "refused: the key of ada was not valid then");
  take(5, {});
  EXPECT_EQ(why(command("status"), "ada"), "accepted");
}

TEST_F(Gates, RefuseCommandsForOtherNodes) {
  Command other = command("status");
  other.node = "n2";
  EXPECT_EQ(why(other, "bea"), "refused: the command is for the node \"n2\"");
}

TEST_F(Gates, RefuseWhatHasExpiredOrExpiresLate) {
  EXPECT_EQ(why(command("status"), "bea", kNow + 60), "conflict: the command has expired");
  EXPECT_EQ(why(command("status"), "bea", kNow + 59), "accepted");
  Command late = command("status");
  late.expires = kNow + kCommandLife + 1;
  EXPECT_THAT(why(late, "bea"), HasSubstr("expires in more than 120 s"));
  late.expires = kNow + kCommandLife;
  EXPECT_EQ(why(late, "bea"), "accepted");
  Command ahead = command("status");
  ahead.sequence = ahead.expires * kMicros;
  EXPECT_EQ(why(ahead, "bea"), "conflict: the command was signed after its expiry");
}

TEST_F(Gates, RefuseAReplayAndALowerSequence) {
  const Command first = command("status"), second = command("status");
  EXPECT_EQ(why(second, "bea"), "accepted");
  EXPECT_EQ(why(second, "bea"), "conflict: the command is not newer than the last one of bea") << "replayed";
  EXPECT_EQ(why(first, "bea"), "conflict: the command is not newer than the last one of bea") << "lower";
  EXPECT_EQ(why(first, "ann"), "accepted") << "each key counts for itself";
  EXPECT_EQ(why(command("status"), "bea"), "accepted");
}

TEST_F(Gates, RefuseAfterARestartWhatWasSignedBeforeIt) {
  const Command before = command("status");
  EXPECT_EQ(why(before, "bea"), "accepted");
  gate_ = CommandGate("n1", at(kNow + 1));
  EXPECT_THAT(why(before, "bea", kNow + 1), HasSubstr("signed before this node started"));
  Command after = command("status");
  after.sequence = (kNow + 1) * kMicros;
  EXPECT_EQ(why(after, "bea", kNow + 1), "accepted");
}

TEST_F(Gates, SayWhichGrantIsMissingOrMustBeConsumed) {
  Command drain = command("drain");
  EXPECT_EQ(why(drain, "ada"), "refused: \"drain\" needs a grant for the change " + changeOf(drain));
  drain.grant = "3b9f0a1c-0000-4000-8000-00000000abcd";
  const auto accepted = check(drain, "ada");
  ASSERT_TRUE(accepted.has_value()) << accepted.error().message << ": the refusal counted for nothing";
  EXPECT_TRUE(accepted.value().grantNeeded);
  EXPECT_EQ(accepted.value().command.grant, drain.grant);
  EXPECT_EQ(accepted.value().change, change({"node.command", "drain", "n1", "{}"}));
}

TEST_F(Gates, KeepABoundKeyToItsChannels) {
  EXPECT_EQ(why(command("break.stop", stopTwo_), "bo"), "refused: bo may not give orders for the channel \"two\"");
  EXPECT_THAT(why(command("break.start", R"({"channel":"two","units":30})"), "bo"), HasSubstr("channel \"two\""));
  EXPECT_THAT(why(command("feed.clean", R"({"channel":"two","on":true})"), "bo"), HasSubstr("channel \"two\""));
  EXPECT_EQ(why(command("break.stop", stopOne_), "bo"), "accepted");
  EXPECT_EQ(why(command("break.stop", stopTwo_), "bea"), "accepted") << "bound to none";
}

TEST_F(Gates, TakeAHoldThatItsOwnerHasSigned) {
  EXPECT_EQ(why(command("hold", holdArguments("cleo", "demo")), "bea"), "accepted") << "sent on by a colleague";
  EXPECT_EQ(why(command("hold", holdArguments("shopkeeper", "shop")), "shopkeeper"), "accepted");
  EXPECT_THAT(why(command("hold", holdArguments("ann", "demo")), "bea"), HasSubstr("no role"));
  EXPECT_THAT(why(command("hold", holdArguments("stranger", "demo")), "bea"), HasSubstr("is not among the keys"));
  EXPECT_THAT(why(command("hold", holdArguments("shopkeeper", "demo")), "bea"), HasSubstr("another organisation"));
  EXPECT_THAT(why(command("hold", holdArguments("shopkeeper", "shop")), "bea"), HasSubstr("another organisation"));
  EXPECT_THAT(why(command("hold", holdArguments("bo", "demo", R"({"channel":"two"})")), "bea"),
              HasSubstr("may not hold anything on the channel \"two\""));
}

TEST_F(Gates, RememberWhatAKeyDidWhileItIsAwayForAMoment) {
  const Command once = command("status");
  EXPECT_EQ(why(once, "ada"), "accepted");
  take(3, [this](release::Key& ada) { ada = people_.line("ada2", {Role::kAdmin}); });
  EXPECT_EQ(why(command("status"), "bea"), "accepted");
  take(4, {});
  EXPECT_THAT(why(once, "ada"), HasSubstr("not newer"));
}

}  // namespace
}  // namespace dvpe::protocol
