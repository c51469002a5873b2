// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/personalize/profile.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>

namespace dvpe::personalize {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::int64_t kNow = 1'800'000'000;

Opinion ad(Verb verb, const std::string& campaign, std::vector<std::string> topics = {}) {
  return {verb, campaign, {}, std::move(topics), kNow};
}
Opinion content(Verb verb, const std::string& id, std::vector<std::string> topics) {
  return {verb, {}, id, std::move(topics), kNow};
}

model::Map interested(const char* topic, double by) {
  auto interests = std::make_shared<model::Map>();
  (*interests)[topic] = model::Value{by};
  model::Map out;
  out["interests"] = model::Value{std::shared_ptr<const model::Map>(interests)};
  return out;
}
double interest(const model::Map& attributes, const char* topic) {
  return std::get<double>(std::get<std::shared_ptr<const model::Map>>(attributes.at("interests").v)->at(topic).v);
}

TEST(AProfile, MovesTheInterestsOfWhatWasLikedAndLessAndLess) {
  Profile profile;
  profile.say(content(Verb::kLike, "match", {"sports"}));
  profile.say(content(Verb::kDislike, "soup", {"cooking"}));
  auto attributes = interested("sports", 0.25);
  profile.apply(attributes, kNow);
  EXPECT_DOUBLE_EQ(interest(attributes, "sports"), 0.25 + Profile::kStep);
  EXPECT_DOUBLE_EQ(interest(attributes, "cooking"), 0.5 - Profile::kStep);
  attributes = interested("sports", 0.25);
  profile.apply(attributes, kNow + Profile::kHalfLife);
  EXPECT_DOUBLE_EQ(interest(attributes, "sports"), 0.25 + Profile::kStep / 2);
}

TEST(AProfile, KeepsInterestsBetweenNothingAndAll) {
  Profile profile;
  for (const char* id : {"a", "b", "c", "d"}) profile.say(content(Verb::kLike, id, {"sports"}));
  auto attributes = interested("sports", 0.9);
  profile.apply(attributes, kNow);
  EXPECT_DOUBLE_EQ(interest(attributes, "sports"), 1.0);
}

TEST(AProfile, LeavesAloneWhatThePlatformMeansByAnotherType) {
  Profile profile;
  profile.say(content(Verb::kLike, "match", {"sports"}));
  model::Map attributes;
  attributes["interests"] = model::Value{std::string("many")};
  profile.apply(attributes, kNow);
  EXPECT_EQ(std::get<std::string>(attributes["interests"].v), "many");
  model::Map none;
  Profile{}.apply(none, kNow);
  EXPECT_THAT(none, IsEmpty());
}

TEST(AProfile, HidesCampaignsUntilThatIsUndone) {
  Profile profile;
  profile.say(ad(Verb::kHide, "tea"));
  profile.say(ad(Verb::kDislike, "cars"));
  profile.say(ad(Verb::kLike, "books"));
  EXPECT_THAT(profile.hidden(), ElementsAre("tea", "cars"));
  EXPECT_TRUE(profile.undo("tea", ""));
  EXPECT_FALSE(profile.undo("tea", ""));
  EXPECT_THAT(profile.hidden(), ElementsAre("cars"));
  profile.say(ad(Verb::kLike, "cars"));
  EXPECT_THAT(profile.hidden(), IsEmpty()) << "the newest opinion of a thing is the one that counts";
}

TEST(AProfile, IsTheSameAfterItWasStored) {
  Profile profile;
  profile.say(ad(Verb::kHide, "tea", {"drinks"}));
  profile.say(content(Verb::kLike, "match", {"sports", "news"}));
  const auto read = Profile::parse(boost::json::parse(boost::json::serialize(profile.toJson())));
  ASSERT_TRUE(read);
  EXPECT_EQ(read.value(), profile);
  EXPECT_EQ(read.value().hidden(), profile.hidden());
  for (const char* damaged :
       {"{}", "[1]", "[[0]]", R"([[3,"","",[],0]])", R"([[0,1,"",[],0]])", R"([[-1,"","",[],0]])"})
    EXPECT_FALSE(Profile::parse(boost::json::parse(damaged))) << damaged;
}

TEST(AProfile, ForgetsTheOldestOfTooMany) {
  Profile profile;
  for (std::size_t i = 0; i <= Profile::kMostOpinions; ++i) profile.say(ad(Verb::kHide, std::to_string(i)));
  EXPECT_EQ(profile.hidden().size(), Profile::kMostOpinions);
  EXPECT_EQ(profile.hidden().front(), "1");
}

}  // namespace
}  // namespace dvpe::personalize
