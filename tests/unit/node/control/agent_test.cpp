// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/control/agent.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "tests/support/folder.h"
#include "tests/unit/shared/release/support.h"

namespace dvpe::control {
namespace {

using namespace release;
using namespace release::test;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

class Node final : public Target {
 public:
  struct Ready final : Preparation {};
  base::Result<std::shared_ptr<Preparation>> prepare(const Verified&) override { return std::make_shared<Ready>(); }
  base::Result<TookOver> takeOver(const Order&, std::shared_ptr<Preparation>, base::WallTime,
                                  const HeldNames&) override {
    return TookOver{};
  }
  base::Result<TookOver> hold(const HeldNames&) override { return TookOver{}; }
  base::Result<std::string> obey(const protocol::Accepted&) override { return std::string("{}"); }
  std::string telemetry() override { return "{}"; }
};

// A node with a ruleset of demo in force, and people who reach it over ZeroMQ.
class Agents : public ::testing::Test {
 protected:
  Agents() {
    Key cleo = people_.line("cleo", {Role::kCreator}), adam = people_.line("adam", {Role::kAdvertiser}, "shop");
    cleo.curve = cleoCurve_.publicKey;
    adam.curve = adamCurve_.publicKey;
    const auto listed = document(1, {cleo, adam, people_.line("carl", {Role::kCoordinator})});
    const std::string text = R"({"kind":"ruleset","id":"main","organisation":"demo","revision":1,"body":{"rules":[]}})";
    const std::string digest = base::sha256(base::view(text));
    Release r;
    r.order = {1, 1};
    r.created = kNow;
    r.expires = kNow + kDay;
    r.documents[{"ruleset", "main"}] = {"demo", 1, digest, text.size(), kNow - 10};
    Bundle bundle;
    bundle.keys = {people_.sign(toJson(listed), Domain::kKeys, {"root"})};
    bundle.documents = {{digest, {people_.sign(text, Domain::kDocument, {"cleo"}), {}}}};
    bundle.release = people_.sign(toJson(r), Domain::kRelease, {"carl"});
    const auto checked = store_.check(bundle, kNow);
    EXPECT_TRUE(checked.has_value());
    EXPECT_TRUE(store_.keep(bundle, checked.value()).has_value());
    releases_.reload();
    agent_ = Agent::start({"n1", "tcp://127.0.0.1:*", curve_}, releases_, node_, nullptr, clock_).value();
    context_ = protocol::Context::create().value();
  }
  ~Agents() override { agent_.reset(); }

  // What the node answers to somebody's hold of the ruleset.
  protocol::Answer hold(const std::string& by, const std::string& organisation, const protocol::CurveKeys& curve) {
    const std::string text = R"({"kind":"hold","id":"stop","organisation":")" + organisation +
                             R"(","revision":1,"body":{"holds":{"kind":"ruleset","id":"main"}}})";
    const Signed document = people_.sign(text, Domain::kDocument, {by});
    protocol::Command c;
    c.id = std::string(32, 'b');
    c.name = "hold";
    c.arguments = boost::json::serialize(boost::json::object{
        {"document", text}, {"key", document.by[0].key}, {"signature", base::hex(document.by[0].signature)}});
    c.sequence = kNow * 1'000'000 + 1;
    c.expires = kNow + 60;
    auto client = protocol::Client::connect(*context_, agent_->endpoint(), curve_.publicKey, curve).value();
    EXPECT_TRUE(client->ready(5s).has_value());
    EXPECT_TRUE(
        client->send(protocol::encode(protocol::CommandMessage{protocol::signCommand(c, people_.key(by)).value()}))
            .has_value());
    const auto heard = client->receive(5s);
    EXPECT_TRUE(heard.has_value());
    auto message = heard ? protocol::decode(*heard).value() : protocol::Message{};
    const auto* answer = std::get_if<protocol::Answer>(&message);
    return answer != nullptr ? *answer : protocol::Answer{};
  }

  const dvpe::test::Folder folder_;
  People people_;
  const protocol::CurveKeys curve_ = protocol::generateCurve(), cleoCurve_ = protocol::generateCurve(),
                            adamCurve_ = protocol::generateCurve();
  base::ManualClock clock_{base::WallTime{std::chrono::seconds(kNow)}};
  Node node_;
  ReleaseStore store_{folder_, "n1", people_.key("root").publicKey()};
  HoldStore holds_{folder_};
  Releases releases_{store_, holds_, node_, "n1", clock_};
  std::unique_ptr<Agent> agent_;
  std::unique_ptr<protocol::Context> context_;
};

TEST_F(Agents, TakeAHoldFromItsOwner) {
  const auto answer = hold("cleo", "demo", cleoCurve_);
  EXPECT_TRUE(answer.ok) << answer.error;
  EXPECT_THAT(releases_.snapshot().held, ElementsAre(DocumentName{"ruleset", "main"}));
}

TEST_F(Agents, RefuseAHoldOfWhatIsAnothers) {
  const auto answer = hold("adam", "shop", adamCurve_);
  EXPECT_FALSE(answer.ok);
  EXPECT_THAT(answer.error, HasSubstr("adam may not hold ruleset/main"));
  EXPECT_TRUE(releases_.snapshot().held.empty());
}

}  // namespace
}  // namespace dvpe::control
