// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <gtest/gtest.h>

#include <algorithm>

#include "shared/overlay/impl/placeholders.h"
#include "shared/overlay/impl/text_layer.h"
#include "shared/overlay/painter.h"

namespace dvpe::overlay::impl {
namespace {

using model::Anchor;

TextStyle styled(int pixelSize, Anchor align = Anchor::kLeft, const std::string& font = "sans") {
  TextStyle style;
  style.font = font;
  style.pixelSize = pixelSize;
  style.align = align;
  return style;
}

Mask mask(const std::string& text, const TextStyle& style, int width = 400, int height = 100) {
  return textMask(QString::fromStdString(text), style, width, height);
}

// The smallest rectangle of pixels that are at least half covered.
Rectangle ink(const Mask& m) {
  int x0 = m.width, x1 = -1, y0 = m.height, y1 = -1;
  for (int y = 0; y < m.height; ++y) {
    for (int x = 0; x < m.width; ++x) {
      if (m.row(y)[x] < 128) continue;
      x0 = std::min(x0, x), x1 = std::max(x1, x), y0 = std::min(y0, y), y1 = std::max(y1, y);
    }
  }
  return x1 < 0 ? Rectangle{} : Rectangle{x0, y0, x1 - x0 + 1, y1 - y0 + 1};
}

bool touchesEdge(const Mask& m) {
  for (int x = 0; x < m.width; ++x) {
    if (m.row(0)[x] > 128 || m.row(m.height - 1)[x] > 128) return true;
  }
  for (int y = 0; y < m.height; ++y) {
    if (m.row(y)[0] > 128 || m.row(y)[m.width - 1] > 128) return true;
  }
  return false;
}

struct Script {
  const char* name;
  const char* first;
  const char* second;  // another character of it
};

class EveryScript : public testing::TestWithParam<Script> {};

TEST_P(EveryScript, PaintsItsOwnGlyphsAndNoBoxes) {
  for (const char* font : {"sans", "serif", "mono"}) {
    for (const int weight : {400, 700}) {
      TextStyle style = styled(48, Anchor::kCentre, font);
      style.weight = weight;
      const Mask first = mask(GetParam().first, style), second = mask(GetParam().second, style);
      EXPECT_GT(ink(first).width, 3);
      EXPECT_NE(first.coverage, second.coverage) << font;  // two boxes would be equal
      // Characters that no font has: a private one, and a noncharacter.
      for (const char* missing : {"\xEE\x84\xA3", "\xEF\xBF\xBF"}) {
        EXPECT_NE(first.coverage, mask(missing, style).coverage) << font;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Text, EveryScript,
    testing::Values(Script{"Latin", "R", "Ğ"}, Script{"Greek", "Ω", "Δ"}, Script{"Cyrillic", "Ж", "Ю"},
                    Script{"Arabic", "ع", "ش"}, Script{"Persian", "گ", "چ"}, Script{"Hebrew", "ש", "ק"},
                    Script{"Devanagari", "क", "ह"}, Script{"Bengali", "ক", "হ"}, Script{"Tamil", "அ", "ஐ"},
                    Script{"Telugu", "అ", "ఐ"}, Script{"Gujarati", "અ", "ક"}, Script{"Kannada", "ಅ", "ಕ"},
                    Script{"Malayalam", "അ", "ക"}, Script{"Gurmukhi", "ਅ", "ਕ"}, Script{"Sinhala", "අ", "ක"},
                    Script{"Thai", "ก", "ฮ"}, Script{"Lao", "ກ", "ຮ"}, Script{"Khmer", "ក", "ខ"},
                    Script{"Myanmar", "က", "ခ"}, Script{"Georgian", "ქ", "ჯ"}, Script{"Armenian", "Ա", "Ֆ"},
                    Script{"Ethiopic", "አ", "ከ"}, Script{"Han", "字", "幕"}, Script{"Kana", "あ", "カ"},
                    Script{"Symbols", "★", "✓"}),
    [](const auto& script) { return std::string(script.param.name); });

TEST(Text, JoinsArabicLetters) {
  // Joined, a word is narrower than its letters apart.
  const int joined = ink(mask("عليكم", styled(48))).width;
  const int apart = ink(mask("ع ل ي ك م", styled(48))).width;
  EXPECT_LT(joined * 10, apart * 9);
}

TEST(Text, RunsFromRightToLeftWhereTheScriptDoes) {
  // The first letter stands on the right: a wide one first leaves its ink there.
  const Mask wideFirst = mask("ששווו", styled(60)), narrowFirst = mask("ווושש", styled(60));
  EXPECT_NE(wideFirst.coverage, narrowFirst.coverage);
  // A Latin name inside of an Arabic sentence stands between its neighbours, not at an end.
  const Template sentence = Template::parse("سعر {name} اليوم").value();
  const QString filled = sentence.fill([](const std::string&) { return "ABC!"; });
  EXPECT_TRUE(filled.contains(QChar(0x2068) + QString("ABC!") + QChar(0x2069)));
}

TEST(Text, StandsWhereTheAnchorSaysForEveryDirection) {
  for (const char* words : {"Hello", "مرحبا", "שלום", "नमस्ते"}) {
    const int size = 32, width = 600, height = 200;
    const Rectangle left = ink(mask(words, styled(size, Anchor::kLeft), width, height));
    const Rectangle right = ink(mask(words, styled(size, Anchor::kRight), width, height));
    const Rectangle centre = ink(mask(words, styled(size, Anchor::kCentre), width, height));
    EXPECT_LE(left.x, 6) << words;
    EXPECT_GE(right.x + right.width, width - 6) << words;
    EXPECT_NEAR(centre.x + centre.width / 2, width / 2, 5) << words;
    const Rectangle top = ink(mask(words, styled(size, Anchor::kTop), width, height));
    const Rectangle bottom = ink(mask(words, styled(size, Anchor::kBottomRight), width, height));
    EXPECT_LT(top.y + top.height, 60) << words;  // a line of this size is about 48 pixels high
    EXPECT_GT(bottom.y, 140) << words;
    EXPECT_EQ(left.height, right.height) << words;
  }
}

TEST(Text, KeepsItsSizeWhereItFits) {
  const Rectangle small = ink(mask("H", styled(40), 400, 100)), same = ink(mask("H", styled(40), 4000, 900));
  EXPECT_EQ(small.height, same.height);
  EXPECT_NEAR(small.height, 40 * 714 / 1000, 2);  // the cap height of Noto Sans
}

TEST(Text, ShrinksUntilItFitsAndNeverLeavesItsBox) {
  for (const char* words : {"Shrinks to fit", "يتقلص ليتسع", "मैं भारत से हूँ", "字幕は枠に収まる", "Ågj|Ǻ", "fffffffff"}) {
    for (const int width : {300, 180, 120}) {
      for (const Anchor align : {Anchor::kLeft, Anchor::kCentre, Anchor::kBottomRight}) {
        const Mask m = mask(words, styled(64, align), width, 50);
        EXPECT_FALSE(ink(m) == Rectangle{}) << words;
        // Cut letters would leave ink all along an edge; a stem that just reaches it is two or three pixels.
        for (const int x : {0, width - 1}) {
          int high = 0;
          for (int y = 0; y < 50; ++y) high += m.row(y)[x] > 200;
          EXPECT_LE(high, 45) << words;
        }
        int wide = 0;
        for (int x = 0; x < width; ++x) wide += (m.row(0)[x] > 200) + (m.row(49)[x] > 200);
        EXPECT_LE(wide, width / 4) << words;
      }
    }
  }
}

TEST(Text, DoesNotCutTallLettersOrMarks) {
  // The same words with much room around them have as much ink as in the box that they were shrunk for.
  const Mask tight = mask("Ǻgjy", styled(40, Anchor::kCentre), 400, 40);
  EXPECT_FALSE(touchesEdge(tight) && ink(tight).height == 40 && ink(tight).width < 10);
  EXPECT_LE(ink(tight).height, 40);
  EXPECT_GT(ink(tight).height, 30);
}

TEST(Text, EndsInAnEllipsisWhenHalfItsSizeIsTooLarge) {
  const std::string words = "An ever longer line that cannot ever be set in so small a box as this one";
  const Mask m = mask(words, styled(40), 200, 30);
  EXPECT_EQ(m.coverage, mask(words + " whatever follows", styled(40), 200, 30).coverage);
  EXPECT_GT(ink(m).width, 120);
  EXPECT_LT(ink(m).height, 30);
  EXPECT_FALSE(ink(mask("x", styled(40), 4, 4)) == Rectangle{} && ink(mask("x", styled(8), 200, 40)) == Rectangle{});
}

TEST(Text, BreaksLinesAtWordsWhereTheBoxIsHighEnough) {
  const Rectangle one = ink(mask("several words here", styled(30), 1000, 200));
  const Rectangle three = ink(mask("several words here", styled(30), 130, 200));
  EXPECT_LT(one.height, 40);
  EXPECT_GT(three.height, 80);
  EXPECT_LE(three.width, 130);
  EXPECT_GT(ink(mask("a\nb", styled(30), 1000, 200)).height, 50);
}

TEST(Text, DrawsBoldBolder) {
  TextStyle bold = styled(40);
  bold.weight = 700;
  const auto sum = [](const Mask& m) {
    long total = 0;
    for (const auto c : m.coverage) total += c;
    return total;
  };
  for (const char* words : {"Weight", "وزن", "משקל"})
    EXPECT_GT(sum(mask(words, bold)), sum(mask(words, styled(40))) * 11 / 10);
}

TEST(Text, PaintsNothingForNothing) {
  for (const char* words : {"", "   ", "\n\n"}) EXPECT_EQ(ink(mask(words, styled(40))), Rectangle{});
}

TEST(Text, SurvivesStrangeText) {
  std::string stacked = "a";
  for (int i = 0; i < 200; ++i) stacked += "\xCC\x81";  // 200 acute accents
  std::string joiners;
  for (int i = 0; i < 150; ++i) joiners += "\xE2\x80\x8D";  // zero width joiners only
  for (const auto& words : {stacked, joiners, std::string("\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x9A\x80"),
                            std::string(500, 'W'), std::string("\xEF\xB7\xBD\xEF\xB7\xBD\xEF\xB7\xBD")}) {
    const Mask m = mask(words, styled(60), 300, 60);
    EXPECT_EQ(m.coverage.size(), 18000U);
  }
}

TEST(Placeholders, AreFilledAndIsolated) {
  const Template t = Template::parse("Hi {name}, {{you}}: {x}").value();
  EXPECT_EQ(t.fields(), (std::vector<std::string>{"name", "x"}));
  const QString filled = t.fill([](const std::string& n) { return n == "name" ? "Zoë" : ""; });
  EXPECT_EQ(filled, QString("Hi ") + QChar(0x2068) + "Zoë" + QChar(0x2069) + ", {you}: ");
  EXPECT_EQ(Template::parse("{name}").value().fill([](const std::string&) { return "Zoë"; }), QString("Zoë"));
}

TEST(Placeholders, TakeNoControlsAndNoDirectionTricksFromValues) {
  const Template t = Template::parse("{v}").value();
  EXPECT_EQ(t.fill([](const std::string&) {
    return "a\x01"
           "b\xE2\x80\xAE"
           "c\xE2\x81\xA9"
           "d\r\n\x7f";
  }),
            QString("a bcd \n "));
  EXPECT_LE(t.fill([](const std::string&) { return std::string(100000, 'x'); }).size(), kMaxValueCharacters);
  EXPECT_TRUE(t.fill([](const std::string&) { return "\xff\xfe"; }).size() <= 2);
}

TEST(Placeholders, RefuseWhatIsNoTemplate) {
  for (const char* bad : {"{", "}", "a {b", "a } b", "{{}"}) {
    EXPECT_EQ(Template::parse(bad).error().code, base::ErrorCode::kInvalidInput) << bad;
  }
  EXPECT_EQ(Template::parse("\xff\xfe\xfd").error().code, base::ErrorCode::kInvalidInput);
  EXPECT_EQ(Template::parse(std::string(501, 'x')).error().code, base::ErrorCode::kLimitExceeded);
  EXPECT_TRUE(Template::parse(std::string(500, 'x')));
}

TEST(Placeholders, TellTheTime) {
  EXPECT_EQ(clockText(0), "00:00:00");
  EXPECT_EQ(clockText(86399), "23:59:59");
  EXPECT_EQ(clockText(86400 * 400 + 45296), "12:34:56");
  EXPECT_EQ(clockText(-1), "23:59:59");
  EXPECT_EQ(countdownText(0), "0:00");
  EXPECT_EQ(countdownText(-5), "0:00");
  EXPECT_EQ(countdownText(75), "1:15");
  EXPECT_EQ(countdownText(3599), "59:59");
  EXPECT_EQ(countdownText(3600), "1:00:00");
}

}  // namespace
}  // namespace dvpe::overlay::impl
