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
  base::Result<void> take(protocol::Made what, const std::string& text) override {
    if (what == protocol::Made::kModel) {
      models.push_back(text);
      return base::success();
    }
    const std::lock_guard lock(mutex);
    plans.push_back(text);
    return base::success();
  }
  std::size_t plansTaken() {
    const std::lock_guard lock(mutex);
    return plans.size();
  }
  std::string counts() override { return R"({"lines":{}})"; }
  std::mutex mutex;
  std::vector<std::string> plans, models;
  std::string telemetry() override { return "{}"; }
};

// A node with a ruleset of demo in force, and people who reach it over ZeroMQ.
class Agents : public ::testing::Test {
 protected:
  Agents() {
    Key cleo = people_.line("cleo", {Role::kCreator}), adam = people_.line("adam", {Role::kAdvertiser}, "shop");
    Key carl = people_.line("carl", {Role::kCoordinator});
    cleo.curve = cleoCurve_.publicKey;
    adam.curve = adamCurve_.publicKey;
    carl.curve = carlCurve_.publicKey;
    const auto listed = document(1, {cleo, adam, carl});
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
    const auto client = connect(curve);
    EXPECT_TRUE(
        client->send(protocol::encode(protocol::CommandMessage{protocol::signCommand(c, people_.key(by)).value()}))
            .has_value());
    const auto heard = client->receive(5s);
    EXPECT_TRUE(heard.has_value());
    auto message = heard ? protocol::decode(*heard).value() : protocol::Message{};
    const auto* answer = std::get_if<protocol::Answer>(&message);
    return answer != nullptr ? *answer : protocol::Answer{};
  }

  std::unique_ptr<protocol::Client> connect(const protocol::CurveKeys& curve) {
    auto client = protocol::Client::connect(*context_, agent_->endpoint(), curve_.publicKey, curve).value();
    EXPECT_TRUE(client->ready(5s).has_value());
    return client;
  }

  const dvpe::test::Folder folder_;
  People people_;
  const protocol::CurveKeys curve_ = protocol::generateCurve(), cleoCurve_ = protocol::generateCurve(),
                            adamCurve_ = protocol::generateCurve(), carlCurve_ = protocol::generateCurve();
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

TEST_F(Agents, TakeAPlanThatACoordinatorHasSignedAndNoOther) {
  const auto carl = connect(carlCurve_), cleo = connect(cleoCurve_);
  const auto plan = [this](const std::string& text, const std::string& by, Domain domain = Domain::kPlan) {
    return protocol::encode(protocol::MadeMessage{protocol::Made::kPlan, people_.sign(text, domain, {by})});
  };
  EXPECT_TRUE(carl->send(plan("of cleo", "cleo")).has_value());
  EXPECT_TRUE(carl->send(plan("of another kind", "carl", Domain::kDocument)).has_value());
  EXPECT_TRUE(cleo->send(plan("from cleo", "carl")).has_value());
  EXPECT_TRUE(carl->send(plan("right", "carl")).has_value());
  for (int i = 0; i < 100 && node_.plansTaken() == 0; ++i) std::this_thread::sleep_for(50ms);
  std::this_thread::sleep_for(100ms);
  EXPECT_THAT(node_.plans, ElementsAre("right"));
}

TEST_F(Agents, TellWhatWasCountedToCoordinatorsAlone) {
  const auto carl = connect(carlCurve_), cleo = connect(cleoCurve_);
  for (const auto* client : {&carl, &cleo}) {
    EXPECT_TRUE((*client)->send(protocol::encode(protocol::Subscribe{true})).has_value());
  }
  const auto told = [](protocol::Client& client) {
    std::string counts;
    for (const auto until = std::chrono::steady_clock::now() + 7s; std::chrono::steady_clock::now() < until;) {
      const auto heard = client.receive(100ms);
      if (!heard) continue;
      const auto message = protocol::decode(*heard).value();
      if (const auto* c = std::get_if<protocol::Counts>(&message)) return c->json;
    }
    return counts;
  };
  EXPECT_EQ(told(*carl), R"({"lines":{}})");
  EXPECT_EQ(told(*cleo), "");
}

}  // namespace
}  // namespace dvpe::control
