// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/model/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace dvpe::model {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

auto mistake(const std::string& path, const std::string& words) {
  return AllOf(Field("path", &DocumentError::path, path), Field("message", &DocumentError::message, HasSubstr(words)));
}

std::string doc(const std::string& kind, const std::string& id, const std::string& body) {
  return R"({"kind":")" + kind + R"(","id":")" + id + R"(","organisation":"o","revision":1,"body":)" + body + "}";
}

const std::string kProfile = doc("profile", "p",
                                 R"({"fps":"30000/1001","rungs":[
  {"name":"v720","width":1280,"height":720,"maxrate":3500000,"x264":"crf=23:keyint=250"},
  {"name":"v360","width":640,"height":360,"maxrate":900000,"bitrate":500000,"preset":"veryfast","threads":2}]})");
const std::string kChannel = doc("channel", "c",
                                 R"({"title":"T","profile":"p","epoch":"2026-02-03T04:05:06Z","windowSeconds":30,
  "languages":["de","fr"],"breaks":[{"everySeconds":90,"lengthUnits":30},{"offsetSeconds":72000}]})");
const std::string kOverlay = doc("overlay", "o",
                                 R"({"fields":[{"name":"who","domain":["a","b"],"fallback":"b"},
  {"name":"score","programme":true,"fallback":"0:0"}],"assets":{"logo":"art/logo.png"},
  "layers":[{"kind":"shape","x":1,"y":2,"width":3,"height":4,"shape":"rounded","radius":5,"colour":"#01020304"},
  {"kind":"text","x":1,"y":2,"width":3,"height":4,"text":"{who} {score} {clock}","align":"bottomRight"},
  {"kind":"image","x":1,"y":2,"width":3,"height":4,"image":"logo"}],"in":{"kind":"fade","milliseconds":300}})");

// One document alone; the errors of what it refers to are part of the answer.
Loaded one(const std::string& text) { return readDocuments({{"x.json", text}}); }

TEST(Documents, AreReadInFull) {
  const Loaded loaded = readDocuments(
      {{"1", kProfile},
       {"2", kChannel},
       {"3", kOverlay},
       {"4", doc("ruleset", "r", R"({"channel":"c","fields":[{"path":"viewer.name","type":"string","purpose":"x"}],
          "rules":[{"id":"a","when":"true","actions":[
            {"showOverlay":{"overlay":"o","values":{"who":"{viewer.name}"},"event":"e"}},
            {"replaceSpan":{"event":"e","clip":"m"}},{"chooseAudio":{"language":"fr"}},
            {"fillBreaks":{"campaigns":["k"]}}]}]})")},
       {"5", doc("campaign", "k", R"({"title":"K","creatives":["m","n"]})")},
       {"6",
        doc("media", "m", R"({"digest":")" + std::string(64, 'a') + R"(","profile":"p","units":15,"folder":"/f"})")}},
      LoadOptions{std::set<std::string>{"n"}});
  ASSERT_THAT(loaded.errors, IsEmpty()) << describe(loaded.errors);
  const Profile& profile = loaded.documents.profiles.at("p");
  EXPECT_EQ(profile.fps, (FrameRate{30000, 1001}));
  ASSERT_THAT(profile.rungs, SizeIs(2));
  EXPECT_EQ(profile.rungs[1].preset, "veryfast");
  EXPECT_EQ(profile.rungs[1].bitrate, 500000);
  const Channel& channel = loaded.documents.channels.at("c");
  EXPECT_EQ(base::isoDate(channel.epoch), "2026-02-03T04:05:06.000Z");
  ASSERT_THAT(channel.breaks, SizeIs(2));
  EXPECT_EQ(channel.breaks[1].lengthUnits, channel.defaultBreakUnits);
  const Overlay& overlay = loaded.documents.overlays.at("o");
  EXPECT_EQ(overlay.fields[0].fallback, "b");
  EXPECT_TRUE(overlay.fields[1].programme);
  EXPECT_EQ(overlay.layers[0].shape, ShapeKind::kRounded);
  EXPECT_EQ(overlay.layers[1].align, Anchor::kBottomRight);
  EXPECT_EQ(overlay.in.kind, AnimationKind::kFade);
  const Rule& rule = loaded.documents.rulesets.at("r").rules[0];
  ASSERT_THAT(rule.actions, SizeIs(4));
  EXPECT_EQ(std::get<ShowOverlay>(rule.actions[0]).trigger, Trigger::kEvent);
  EXPECT_EQ(std::get<ChooseAudio>(rule.actions[2]).language, "fr");
  EXPECT_EQ(loaded.documents.media.at("m").units, 15);
}

TEST(Documents, TellAllMistakesAtOnceWithTheirPlaces) {
  const Loaded loaded = readDocuments(
      {{"broken.json", "{\n  \"kind\": profile}"},
       {"profile.json", doc("profile", "p",
                            R"({"fps":"24","rungs":[{"name":"v 1","width":1281,"height":720,"maxrate":0,"tread":1},
                                {"name":"b","width":640,"height":1080,"maxrate":1000,"bitrate":2000,"preset":"fastest",
                                 "x264":"crf=20:bframes=2:no-scenecut"}]})")},
       {"channel.json", doc("channel", "c", R"({"profile":"q","epoch":"2026-02-30T00:00:00Z","windowSecond":60})")}});
  const auto& e = loaded.errors;
  EXPECT_THAT(e, Contains(AllOf(Field(&DocumentError::document, "broken.json"), mistake("", "line 2, column 11"))));
  EXPECT_THAT(e, Contains(mistake("/body/fps", "25, 30000/1001, 30, 50, 60000/1001, 60")));
  EXPECT_THAT(e, Contains(mistake("/body/rungs/0/name", "A-Z a-z 0-9 _ -")));
  EXPECT_THAT(e, Contains(mistake("/body/rungs/0/width", "even number, found 1281")));
  EXPECT_THAT(e, Contains(mistake("/body/rungs/0/maxrate", "from 1000 to 200000000, found 0")));
  EXPECT_THAT(e, Contains(mistake("/body/rungs/0/tread", "did you mean \"threads\"?")));
  EXPECT_THAT(e, Contains(mistake("/body/rungs/1", "from the highest to the lowest")));
  EXPECT_THAT(e, Contains(mistake("/body/rungs/1/bitrate", "at most maxrate")));
  EXPECT_THAT(e, Contains(mistake("/body/rungs/1/preset", "superfast")));
  EXPECT_THAT(e, Contains(mistake("/body/rungs/1/x264", "\"bframes\" is fixed")));
  EXPECT_THAT(e, Contains(mistake("/body/rungs/1/x264", "\"scenecut\" is fixed")));
  EXPECT_THAT(e, Contains(mistake("/body/epoch", "instant")));
  EXPECT_THAT(e, Contains(mistake("/body/windowSecond", "did you mean \"windowSeconds\"?")));
  EXPECT_THAT(e, Contains(mistake("/body/profile", "there is no profile \"q\"")));
  EXPECT_THAT(e, SizeIs(14)) << describe(e);
}

TEST(Documents, RefuseWrongEnvelopes) {
  EXPECT_THAT(one("[]").errors, Contains(mistake("", "expected an object, found a list")));
  EXPECT_THAT(one("").errors, Contains(mistake("", "not JSON")));
  EXPECT_THAT(one(kProfile + "x").errors, Contains(mistake("", "not JSON")));
  const auto empty = one("{}").errors;
  for (const char* key : {"kind", "id", "organisation", "revision", "body"}) {
    EXPECT_THAT(empty, Contains(mistake("", std::string{"\""} + key + "\" is missing")));
  }
  EXPECT_THAT(one(doc("film", "p", "{}")).errors, Contains(mistake("/kind", "expected one of profile")));
  EXPECT_THAT(one(doc("profile", "../p", "{}")).errors, Contains(mistake("/id", "expected a name")));
  EXPECT_THAT(one(doc("profile", std::string(65, 'a'), "{}")).errors, Contains(mistake("/id", "expected a name")));
  EXPECT_THAT(readDocuments({{"a", kProfile}, {"b", kProfile}}).errors, Contains(mistake("/id", "another document")));
}

TEST(Documents, AreBoundedInSizeDepthAndNumber) {
  EXPECT_THAT(one(std::string(kMaxDocumentBytes + 1, ' ')).errors, Contains(mistake("", "at most 1048576 bytes")));
  EXPECT_THAT(one(std::string(100'000, '[')).errors, Contains(mistake("", "not JSON")));
  std::string deep = "1";
  for (int i = 0; i < 33; ++i) deep = "[" + deep + "]";
  EXPECT_THAT(one(deep).errors, Contains(mistake("", "not JSON")));
  EXPECT_THAT(readDocuments(std::vector<DocumentText>(kMaxDocuments + 1)).errors, SizeIs(1));
  // As many mistakes as the file holds keys: kept up to the limit, counted beyond it.
  std::string many = R"({"a":1)";
  for (int i = 0; i < 2000; ++i) many += ",\"key-number-" + std::to_string(i) + "\":1";
  const Loaded loaded = one(many + "}");
  EXPECT_THAT(loaded.errors, SizeIs(kMaxDocumentErrors));
  EXPECT_GT(loaded.dropped, 1000u);
}

TEST(Documents, RefuseTextThatIsNotUtf8) {
  EXPECT_THAT(one("{\"kind\":\"\xff\"}").errors, Contains(mistake("", "not JSON")));
}

TEST(OverlayDocuments, RefuseMoreLooksThanACohortMayHaveAndShowTheProduct) {
  std::string domain;
  for (int i = 0; i < 64; ++i) domain += (i ? ",\"" : "\"") + std::to_string(i) + "\"";
  const auto overlay = [&](const std::string& extra) {
    return doc("overlay", "o",
               R"({"layers":[],"fields":[{"name":"a","domain":[)" + domain + R"(]},{"name":"b","domain":[)" + domain +
                   "]}" + extra + "]}");
  };
  EXPECT_THAT(one(overlay("")).errors, IsEmpty());
  EXPECT_THAT(
      one(overlay(R"(,{"name":"c","domain":["x","y"]})")).errors,
      Contains(mistake("/body/fields", "at most 4096 different looks; these fields make more: a 64 x b 64 x c 2")));
  EXPECT_THAT(
      one(doc("overlay", "o", R"({"layers":[],"fields":[{"name":"a","domain":[)" + domain + R"(,"z"]}]})")).errors,
      Contains(mistake("/body/fields/0/domain", "at most 64 entries, found 65")));
}

TEST(OverlayDocuments, CheckFieldsPlaceholdersAndAssets) {
  const auto e =
      one(doc("overlay", "o",
              R"({"fields":[{"name":"greeting"},{"name":"a","domain":["x"],"fallback":"y"},{"name":"b","domain":[]}],
     "assets":{"up":"../x.png","abs":"/x.png","exe":"x.sh","hidden":".x/y.png"},
     "layers":[{"kind":"text","x":0,"y":0,"width":1,"height":1,"text":"{greting} {"},
               {"kind":"image","x":0,"y":0,"width":1,"height":1,"image":"none","text":"x"},
               {"kind":"shape","x":0,"y":0,"width":1,"height":1,"colour":"red"}]})"))
          .errors;
  EXPECT_THAT(e, Contains(mistake("/body/fields/0", "expected \"domain\"")));
  EXPECT_THAT(e, Contains(mistake("/body/fields/1/fallback", "one of the domain's values")));
  EXPECT_THAT(e, Contains(mistake("/body/fields/2/domain", "at least one value")));
  for (const char* asset : {"up", "abs", "exe", "hidden"}) {
    EXPECT_THAT(e, Contains(mistake(std::string{"/body/assets/"} + asset, ".png or .svg")));
  }
  EXPECT_THAT(e, Contains(mistake("/body/layers/0/text", "did you mean {greeting}?")));
  EXPECT_THAT(e, Contains(mistake("/body/layers/0/text", "expected } after {")));
  EXPECT_THAT(e, Contains(mistake("/body/layers/1/image", "not among this overlay's assets")));
  EXPECT_THAT(e, Contains(mistake("/body/layers/1/text", "unknown key")));
  EXPECT_THAT(e, Contains(mistake("/body/layers/2/colour", "#rrggbb")));
}

TEST(RulesetDocuments, CheckWhatTheyReferTo) {
  const auto loaded = readDocuments(
      {{"1", kProfile},
       {"2", kChannel},
       {"3", kOverlay},
       {"4",
        doc("ruleset", "r", R"({"channel":"d","fields":[{"path":"viewer.m","type":"map"},{"path":"viewer","type":"int"},
          {"path":"a.b","type":"number"}],"rules":[
          {"id":"a","when":"true","actions":[{"showOverlay":{"overlay":"oo"}},{"showOverlay":{"overlay":"o","values":
             {"who":"c","whom":"a","score":"1:0"}}},{"showOverlay":{"overlay":"o","values":{"who":"{viewer.x}"}}},
             {"showOverlay":{"overlay":"o","values":{"who":"{viewer.m.y}"}}}]},
          {"id":"a","when":"true","actions":[{"replaceSpan":{"event":"e","clip":"film"}},{"fillBreaks":{"campaigns":["k"]}},
             {"dance":{}},{"chooseAudio":{"language":"de"},"showOverlay":{}}]}]})")},
       {"5", doc("ruleset", "s", R"({"channel":"c","rules":[{"id":"a","when":"true","actions":[
          {"chooseAudio":{"language":"it"}}]}]})")},
       {"6", doc("campaign", "j", R"({"creatives":["m","m"]})")}},
      LoadOptions{std::set<std::string>{}});
  const auto& e = loaded.errors;
  EXPECT_THAT(e, Contains(mistake("/body/channel", "there is no channel \"d\"; did you mean \"c\"?")));
  EXPECT_THAT(e, Contains(mistake("/body/fields/1/path", "names joined by dots")));
  EXPECT_THAT(e, Contains(mistake("/body/fields/2/type", "double")));
  EXPECT_THAT(e, Contains(mistake("/body/rules/0/actions/0/showOverlay/overlay", "there is no overlay \"oo\"")));
  EXPECT_THAT(e, Contains(mistake("/body/rules/0/actions/1/showOverlay/values/who", "not in the domain")));
  EXPECT_THAT(e, Contains(mistake("/body/rules/0/actions/1/showOverlay/values/whom", "did you mean \"who\"?")));
  EXPECT_THAT(e, Contains(mistake("/body/rules/0/actions/1/showOverlay/values/score", "from the programme")));
  EXPECT_THAT(e,
              Contains(mistake("/body/rules/0/actions/2/showOverlay/values/who", "not among this ruleset's fields")));
  EXPECT_THAT(e, Contains(mistake("/body/rules/1/id", "another rule")));
  EXPECT_THAT(e, Contains(mistake("/body/rules/1/actions/0/replaceSpan/clip", "there is no media \"film\"")));
  EXPECT_THAT(e, Contains(mistake("/body/rules/1/actions/1/fillBreaks/campaigns/0", "did you mean \"j\"?")));
  EXPECT_THAT(
      e, Contains(mistake("/body/rules/1/actions/2/dance", "showOverlay, replaceSpan, chooseAudio or fillBreaks")));
  EXPECT_THAT(e, Contains(mistake("/body/rules/1/actions/3", "one key")));
  EXPECT_THAT(e, Contains(mistake("/body/rules/0/actions/0/chooseAudio/language", "no audio track in \"it\"")));
  EXPECT_THAT(e, Contains(mistake("/body/creatives/1", "listed twice")));
  EXPECT_THAT(e, Contains(mistake("/body/creatives/0", "there is no media \"m\"")));
  EXPECT_THAT(e, SizeIs(16)) << describe(e);
}

TEST(RulesetDocuments, DeclareWhatTheSampleMayKnow) {
  const auto fields = [](const std::string& list) {
    return one(doc("ruleset", "r", R"({"channel":"c","fields":[)" + list + R"(],"rules":[]})"));
  };
  const Loaded good = fields(R"({"path":"v.a","type":"int","forecastable":true,"steps":[18,25,50]},
      {"path":"v.b","type":"double","forecastable":true,"steps":[0,0.5]},{"path":"v.c","type":"bool","forecastable":true},
      {"path":"v.d","type":"string","values":["x","y"],"forecastable":true},{"path":"v.e","type":"int","values":[1,2]})");
  EXPECT_THAT(good.errors, Each(mistake("/body/channel", "")));  // there is none of that name
  const auto& read = good.documents.rulesets.at("r").fields;
  EXPECT_TRUE(read[0].forecastable);
  EXPECT_EQ(read[0].steps, (std::vector<Scalar>{std::int64_t{18}, std::int64_t{25}, std::int64_t{50}}));
  EXPECT_EQ(read[1].steps, (std::vector<Scalar>{0.0, 0.5}));
  EXPECT_FALSE(read[4].forecastable);

  std::string many;
  for (int i = 0; i < 65; ++i) many += (i > 0 ? "," : "") + std::to_string(i);
  const auto e =
      fields(R"({"path":"v.a","type":"int","forecastable":true},{"path":"v.b","type":"string","forecastable":true},
      {"path":"v.c","type":"map","forecastable":true},{"path":"v.d","type":"int","steps":[1]},
      {"path":"v.e","type":"int","forecastable":true,"steps":[2,2]},{"path":"v.f","type":"int","forecastable":true,"steps":[1.5]},
      {"path":"v.g","type":"int","forecastable":true,"values":[)" +
             many + R"(]},
      {"path":"v.h","type":"int","forecastable":true,"values":[1],"steps":[1]})")
          .errors;
  EXPECT_THAT(e, Contains(mistake("/body/fields/0/forecastable", "either values or steps")));
  EXPECT_THAT(e, Contains(mistake("/body/fields/1/forecastable", "values of the text")));
  EXPECT_THAT(e, Contains(mistake("/body/fields/2/forecastable", "a bool, a number or a text")));
  EXPECT_THAT(e, Contains(mistake("/body/fields/3/steps", "or no steps")));
  EXPECT_THAT(e, Contains(mistake("/body/fields/4/steps/1", "more than the step before")));
  EXPECT_THAT(e, Contains(mistake("/body/fields/5/steps/0", "a number, of a field of that type")));
  EXPECT_THAT(e, Contains(mistake("/body/fields/6/forecastable", "at most 64 values")));
  EXPECT_THAT(e, Contains(mistake("/body/fields/7/forecastable", "either values or steps")));
  many.clear();
  for (int i = 0; i < 33; ++i)
    many += (i > 0 ? "," : "") + (R"({"path":"v.x)" + std::to_string(i) + R"(","type":"bool","forecastable":true})");
  EXPECT_THAT(fields(many).errors, Contains(mistake("/body/fields", "at most 32 forecastable")));
}

TEST(Documents, DoNotMindMediaThatIsNotConditionedYet) {
  const std::string campaign = doc("campaign", "k", R"({"creatives":["m"]})");
  EXPECT_THAT(one(campaign).errors, IsEmpty());
  EXPECT_THAT(readDocuments({{"x", campaign}}, {std::set<std::string>{"m"}}).errors, IsEmpty());
  EXPECT_THAT(readDocuments({{"x", campaign}}, {std::set<std::string>{}}).errors, SizeIs(1));
}

TEST(MediaDocuments, ReadBackAsTheyWereWritten) {
  const Media media{"ad-1", 3, std::string(64, '0'), "p", 15, "/srv/a \"b\"", {}};
  const Loaded loaded = readDocuments({{"p", kProfile}, {"m", toJson(media, "org")}});
  ASSERT_THAT(loaded.errors, IsEmpty()) << describe(loaded.errors);
  const Media& back = loaded.documents.media.at("ad-1");
  EXPECT_EQ(back.revision, 3);
  EXPECT_EQ(back.folder, media.folder);
  EXPECT_EQ(back.digest, media.digest);
}

TEST(MediaDocuments, NameTheirFiles) {
  Media media{"ad-1", 3, std::string(64, '0'), "p", 15, "", {}};
  media.files["media.json"] = {std::string(64, '1'), 700};
  media.files["v720.mp4"] = {std::string(64, '2'), std::int64_t{1} << 31};
  const Loaded loaded = readDocuments({{"p", kProfile}, {"m", toJson(media, "org")}});
  ASSERT_THAT(loaded.errors, IsEmpty()) << describe(loaded.errors);
  EXPECT_EQ(loaded.documents.media.at("ad-1").files, media.files);
  EXPECT_EQ(loaded.documents.media.at("ad-1").folder, "");
}

TEST(MediaDocuments, AreRefusedWithFilesThatCouldNotBeFetched) {
  const std::string digest(64, 'a');
  const auto errors = [&](const std::string& where) {
    return readDocuments(
               {{"p", kProfile},
                {"m", doc("media", "m", R"({"digest":")" + digest + R"(","profile":"p","units":15)" + where + "}")}})
        .errors;
  };
  const std::string file = R"({"digest":")" + digest + R"(","bytes":1})";
  EXPECT_THAT(errors(R"(,"files":{"a.mp4":)" + file + "}"), IsEmpty());
  EXPECT_THAT(errors(""), Contains(mistake("/body", "\"files\", or \"folder\"")));
  EXPECT_THAT(errors(R"(,"files":{})"), Contains(mistake("/body/files", "at least one")));
  EXPECT_THAT(errors(R"(,"files":[])"), SizeIs(1));
  for (const std::string& name : {std::string(), std::string(".x"), std::string(".."), std::string("a/b"),
                                  std::string("a b"), std::string(65, 'a')}) {
    EXPECT_THAT(errors(R"(,"files":{")" + name + R"(":)" + file + "}"), SizeIs(1)) << name;
  }
  EXPECT_THAT(errors(R"(,"files":{"a":{"digest":"zz","bytes":0,"path":"/etc"}})"), SizeIs(3));
  EXPECT_THAT(errors(R"(,"files":{"a":{"digest":")" + digest + R"(","bytes":2147483649}})"), SizeIs(1));
  std::string many;
  for (int i = 0; i < 65; ++i) many += (i == 0 ? "\"f" : ",\"f") + std::to_string(i) + "\":" + file;
  EXPECT_THAT(errors(R"(,"files":{)" + many + "}"), Contains(mistake("/body/files", "at most 64")));
}

TEST(AssetPaths, MayNameABlob) {
  const std::string digest(64, 'b');
  EXPECT_EQ(assetDigest(digest + ".png"), digest);
  EXPECT_EQ(assetDigest(digest + ".svg"), digest);
  for (const std::string& path : {digest, digest + ".gif", "x/" + digest + ".png", std::string("logo.png")}) {
    EXPECT_EQ(assetDigest(path), "") << path;
  }
}

class Folder : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "dvpe-documents-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(path_); }
  void write(const std::string& name, const std::string& text) { std::ofstream{path_ / name} << text; }
  std::filesystem::path path_;
};

TEST_F(Folder, IsReadInTheOrderOfNames) {
  write("b.json", kChannel);
  write("a.json", kProfile);
  write("notes.txt", "not a document");
  EXPECT_TRUE(loadDocuments(path_).ok());
  write("0.json", "{");
  write("c.json", "[");
  const Loaded loaded = loadDocuments(path_);
  ASSERT_THAT(loaded.errors, SizeIs(2));
  EXPECT_EQ(loaded.errors[0].document, "0.json");
  EXPECT_EQ(loaded.errors[1].document, "c.json");
  const auto result = loadDocumentsOrFail(path_);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, AllOf(HasSubstr("0.json: "), HasSubstr("\nc.json: ")));
}

TEST_F(Folder, ReportsWhatCannotBeRead) {
  std::filesystem::create_directory(path_ / "folder.json");
  write("big.json", std::string(kMaxDocumentBytes + 1, ' '));
  const Loaded loaded = loadDocuments(path_);
  EXPECT_THAT(loaded.errors, Contains(mistake("", "1048576 bytes, found more")));
  EXPECT_THAT(loaded.errors, Contains(mistake("", "regular file")));
  EXPECT_THAT(loadDocuments(path_ / "none").errors, Contains(mistake("", "the folder cannot be read")));
}

TEST(Values, KeepWholeNumbersWhole) {
  const auto value = parseValue(R"({"a":1,"b":1.5,"c":[true,"x",null],"d":{"e":-2}})");
  ASSERT_TRUE(value);
  const Map& map = *std::get<std::shared_ptr<const Map>>(value.value().v);
  EXPECT_EQ(std::get<std::int64_t>(map.at("a").v), 1);
  EXPECT_EQ(std::get<double>(map.at("b").v), 1.5);
  EXPECT_THAT(*std::get<std::shared_ptr<const List>>(map.at("c").v), SizeIs(3));
  EXPECT_FALSE(parseValue("{\"a\":}"));
  EXPECT_FALSE(parseValue(std::string(100, '[')));
}

TEST(Templates, AreExactlyOnePathInBraces) {
  EXPECT_EQ(templatePath("{viewer.country}"), "viewer.country");
  for (const char* text : {"", "{}", "x", "a{b}", "{a}{b}", "{a"}) EXPECT_EQ(templatePath(text), "") << text;
}

}  // namespace
}  // namespace dvpe::model
