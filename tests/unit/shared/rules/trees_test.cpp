// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <set>

#include "shared/rules/impl/lexer.h"
#include "tests/unit/shared/rules/trees.h"

namespace dvpe::rules {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

Node treeOf(std::string_view text) {
  Parsed parsed = parse(text);
  EXPECT_THAT(parsed.mistakes, IsEmpty()) << text << ": " << describe(parsed.mistakes.at(0));
  return std::move(parsed.root);
}

void gather(const Node& node, std::vector<std::string>& comments) {
  comments.insert(comments.end(), node.before.begin(), node.before.end());
  for (const Node& child : node.children) gather(child, comments);
  comments.insert(comments.end(), node.after.begin(), node.after.end());
}

std::vector<std::string> commentsIn(const Node& root) {
  std::vector<std::string> out;
  gather(root, out);
  return out;
}

// The same tree with the same comments after it was printed and read. `text` is for people.
void expectReadsBack(const Node& root, const std::string& text) {
  const std::string printed = print(root);
  const Parsed again = parse(printed);
  ASSERT_THAT(again.mistakes, IsEmpty()) << text << " -> " << printed << ": " << describe(again.mistakes[0]);
  ASSERT_TRUE(sameTree(root, again.root)) << text << " -> " << printed;
  ASSERT_TRUE(sameComments(root, again.root)) << text << " -> " << printed;
  ASSERT_EQ(print(again.root), printed) << text;
}

// ---- random trees

// Trees as parse() makes them, of every kind.
class Maker {
 public:
  explicit Maker(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t count) { return random_() % count; }

  // Of at most so many nodes.
  Node tree(std::size_t nodes) {
    left_ = nodes;
    return node();
  }

 private:
  Node node() {
    if (left_ > 0) --left_;
    Node out;
    out.kind = left_ < 3 ? static_cast<NodeKind>(below(5)) : static_cast<NodeKind>(below(27));
    switch (out.kind) {
      case NodeKind::kLiteral:
        out.literal = literal();
        break;
      case NodeKind::kList:
        children(out, below(4));
        break;
      case NodeKind::kMap:
        children(out, 2 * below(3));
        break;
      case NodeKind::kField:
        out.name = word() + (below(2) == 0 ? "" : "." + word());
        break;
      case NodeKind::kHas:
        out.name = word() + "." + word();
        break;
      case NodeKind::kSelect:
        out.name = word();
        children(out, 1);
        break;
      case NodeKind::kCall:
        out.name = word();
        children(out, below(4));
        break;
      case NodeKind::kMethod:
        out.name = word();
        children(out, 1 + below(3));
        break;
      case NodeKind::kMacro: {
        static constexpr std::array kNames = {"all", "exists", "exists_one", "filter", "map"};
        out.name = kNames[below(kNames.size())];
        out.variable = word();
        children(out, out.name == "map" ? 2 + below(2) : 2);
        break;
      }
      case NodeKind::kConditional:
        children(out, 3);
        break;
      case NodeKind::kNegate:
      case NodeKind::kNot:
        children(out, 1);
        break;
      case NodeKind::kAnd:
      case NodeKind::kOr:
        children(out, 2 + below(3));
        break;
      default:
        children(out, 2);
    }
    return out;
  }

  void children(Node& of, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) of.children.push_back(node());
  }

  std::string word() {
    static constexpr std::array kWords = {"a", "b", "viewer", "country", "x1", "_", "size", "r", "b2", "e5", "hash"};
    return kWords[below(kWords.size())];
  }

  model::Scalar literal() {
    static const std::vector<model::Scalar> kLiterals = {true,
                                                         false,
                                                         std::int64_t{0},
                                                         std::int64_t{1},
                                                         std::int64_t{-1},
                                                         std::numeric_limits<std::int64_t>::max(),
                                                         std::numeric_limits<std::int64_t>::min(),
                                                         0.0,
                                                         -0.0,
                                                         1.5,
                                                         -2.0,
                                                         1e300,
                                                         5e-324,
                                                         std::numeric_limits<double>::max(),
                                                         std::string{},
                                                         std::string{"a"},
                                                         std::string{"\"\\'\n\r\t\x7f// é😀"},
                                                         std::string{"\0x", 2}};
    return kLiterals[below(kLiterals.size())];
  }

  std::mt19937 random_;
  std::size_t left_ = 0;
};

// A text with comments put between any of its tokens.
std::string commented(const std::string& text, Maker& maker, std::size_t& comments) {
  std::vector<Mistake> mistakes;
  std::string out;
  std::size_t end = 0;
  for (const impl::Token& token : impl::lex(text, mistakes)) {
    out += text.substr(end, token.span.offset - end);
    while (maker.below(4) == 0) {
      ++comments;
      out += "// c" + std::to_string(comments) + "\n";
    }
    end = token.span.offset + token.span.length;
    out += text.substr(token.span.offset, token.span.length);
  }
  return out;
}

TEST(RandomTrees, PrintAndReadBackWithTheirComments) {
  Maker maker{20260301};
  std::set<NodeKind> kinds;
  for (int i = 0; i < 20'000; ++i) {
    const Node made = maker.tree(1 + maker.below(40));
    kinds.insert(made.kind);
    const std::string text = print(made);
    const Parsed first = parse(text);
    ASSERT_THAT(first.mistakes, IsEmpty()) << text << ": " << describe(first.mistakes[0]);
    ASSERT_TRUE(sameTree(made, first.root)) << text << " -> " << print(first.root);
    ASSERT_EQ(print(first.root), text);

    std::size_t comments = 0;
    const std::string noisy = commented(text, maker, comments);
    const Parsed second = parse(noisy);
    ASSERT_THAT(second.mistakes, IsEmpty()) << noisy;
    ASSERT_TRUE(sameTree(made, second.root)) << noisy;
    ASSERT_THAT(commentsIn(second.root), SizeIs(comments)) << noisy << "\n->\n" << print(second.root);
    expectReadsBack(second.root, noisy);
    if (HasFatalFailure()) return;
  }
  EXPECT_THAT(kinds, SizeIs(27));
}

void idsOf(const Node& node, std::multiset<std::uint32_t>& ids) {
  ids.insert(node.id);
  for (const Node& child : node.children) idsOf(child, ids);
}

TEST(RandomTrees, HaveEachIdOnceAfterAnyEdit) {
  Maker maker{20260302};
  for (int i = 0; i < 2'000; ++i) {
    const Node before = treeOf(print(maker.tree(1 + maker.below(40))));
    Node after = treeOf(print(maker.below(2) == 0 ? maker.tree(1 + maker.below(40)) : before));
    keepIds(before, after);
    std::multiset<std::uint32_t> ids;
    idsOf(after, ids);
    ASSERT_EQ(std::set<std::uint32_t>(ids.begin(), ids.end()).size(), ids.size()) << print(before) << print(after);
    ASSERT_EQ(after.id, before.id);
    if (!sameTree(before, after)) continue;
    std::multiset<std::uint32_t> kept;
    idsOf(before, kept);
    ASSERT_EQ(kept, ids) << print(before);
  }
}

// ---- comments

TEST(Comments, SurviveInEveryPosition) {
  const char* const texts[] = {
      "// a\na.b // b\n&& // c\nc.d // d",
      "a.b // 1\n// 2\n&& c.d // 3\n|| // 4\n// 5\ne.f",
      "a.b // 1\n+ // 2\nc.d // 3\n* // 4\ne.f",
      "a.b // 1\n== // 2\nc.d",
      "a.b // 1\nin // 2\n[ // 3\n1 // 4\n, // 5\n2 // 6\n]",
      "[1, // one\n2, // two\n// three\n3]",
      "{ // 1\n\"a\" // 2\n: // 3\n1 // 4\n, // 5\n\"b\": 2 // 6\n}",
      "f( // 1\na.b // 2\n, // 3\nc.d // 4\n)",
      "a.b // 1\n. // 2\nf // 3\n( // 4\n1 // 5\n)",
      "a.b // 1\n[ // 2\n0 // 3\n] // 4",
      "[1] // 1\n.all // 2\n( // 3\nx // 4\n, // 5\nx > 0 // 6\n)",
      "[1].map(x // 1\n, x > 0 // 2\n, // 3\nx)",
      "a.b // 1\n? // 2\n1 // 3\n: // 4\n2 // 5",
      "( // 1\na.b // 2\n) // 3",
      "(a.b || c.d // 1\n) // 2\n&& e.f",
      "(a.b || // 1\nc.d) && e.f // 2",
      "! // 1\na.b // 2",
      "- // 1\na.b",
      "- // 1\n1 // 2",
      "a.b - // 1\n- // 2\n1",
      "!( // 1\na.b && c.d // 2\n)",
      "has // 1\n( // 2\na // 3\n. // 4\nb // 5\n) // 6",
      "a // 1\n. // 2\nb // 3\n== 1",
      "[ // 1\n]",
      "{ // 1\n}",
      "f( // 1\n)",
      "//\n//\n// x\n1 //",
      "\"// no comment\" // one",
      "1 //// slashes // in it",
      "1 // é 😀 \t ",
      "(((1 // a\n) // b\n) // c\n) // d",
      "(a.b ? 1 // x\n: 2) + 1",
  };
  for (const char* text : texts) {
    std::size_t written = 0;
    std::vector<Mistake> mistakes;
    for (const impl::Token& token : impl::lex(text, mistakes)) written += token.comments.size();
    const Node root = treeOf(text);
    EXPECT_THAT(commentsIn(root), SizeIs(written)) << text << "\n->\n" << print(root);
    expectReadsBack(root, text);
  }
}

TEST(Comments, StandWithThePartThatTheyWereWrittenAt) {
  const Node root = treeOf("// whole\na.b == 1 // first\n&& // before second\nc.d // end");
  ASSERT_EQ(root.kind, NodeKind::kAnd);
  EXPECT_THAT(root.children[0].children[0].before, ElementsAre("whole"));
  EXPECT_THAT(root.children[0].after, ElementsAre("first"));
  EXPECT_THAT(root.children[1].before, ElementsAre("before second"));
  EXPECT_EQ(print(root), "// whole\na.b == 1 // first\n&& // before second\nc.d // end\n");
}

TEST(Comments, DoNotCountForWhatATreeIs) { EXPECT_TRUE(sameTree(treeOf("a.b // x\n&& c.d"), treeOf("(a.b) && c.d"))); }

// ---- literals

TEST(Literals, KeepTheirSpelling) {
  for (const char* text : {"'a'", "\"a\"", "r'a\\d'", "R\"a\"", "'''a\nb'''", "\"\"\"a\"\"\"", "\"\\u0041\"", "0x1F",
                           "-0x1f", "007", "1e3", "1.50", ".5", "-.5", "1E+3", "true", "- 1"}) {
    EXPECT_EQ(print(treeOf(text)), text);
    EXPECT_EQ(print(treeOf(std::string{"["} + text + "]")), std::string{"["} + text + "]");
  }
}

TEST(Literals, AreWrittenAnewWhenTheyChange) {
  Node root = treeOf("a.b == 0x10");
  root.children[1].literal = std::int64_t{17};
  EXPECT_EQ(print(root), "a.b == 17");
  root.children[1].literal = 1e20;
  EXPECT_EQ(print(root), "a.b == 1e+20");
  root.children[1].literal = std::string{"\x01\r\n\"\\"};
  EXPECT_EQ(print(root), "a.b == \"\\x01\\x0d\\n\\\"\\\\\"");
  root.children[1].spelling = "'x' + 'y'";  // not a literal
  EXPECT_EQ(print(root), "a.b == \"\\x01\\x0d\\n\\\"\\\\\"");
}

// ---- ids

struct Edit {
  Node before, after;
  Edit(std::string_view from, std::string_view to) : before(treeOf(from)), after(treeOf(to)) { keepIds(before, after); }
  // The id before of the child there, and after.
  std::uint32_t was(std::size_t child) const { return before.children.at(child).id; }
  std::uint32_t is(std::size_t child) const { return after.children.at(child).id; }
};

TEST(Ids, StayWhenAnOperandIsInserted) {
  for (const std::size_t place : {0U, 1U, 2U}) {
    std::vector<std::string> parts = {"a.b == 1", "c.d"};
    parts.insert(parts.begin() + static_cast<std::ptrdiff_t>(place), "e.f in [1]");
    const Edit edit("a.b == 1 && c.d", parts[0] + " && " + parts[1] + " && " + parts[2]);
    EXPECT_EQ(edit.after.id, edit.before.id);
    EXPECT_EQ(edit.is(place == 0 ? 1 : 0), edit.was(0));
    EXPECT_EQ(edit.is(place == 2 ? 1 : 2), edit.was(1));
    EXPECT_GT(edit.is(place), edit.was(1));
  }
}

TEST(Ids, StayWhenAnOperandIsTakenAway) {
  const Edit edit("a.b == 1 && c.d && e.f", "a.b == 1 && e.f");
  EXPECT_EQ(edit.after.id, edit.before.id);
  EXPECT_EQ(edit.is(0), edit.was(0));
  EXPECT_EQ(edit.is(1), edit.was(2));
}

TEST(Ids, MoveWithTheirParts) {
  const Edit edit("a.b == 1 || c.d || !e.f", "!e.f || a.b == 1 || c.d");
  EXPECT_EQ(edit.is(0), edit.was(2));
  EXPECT_EQ(edit.is(1), edit.was(0));
  EXPECT_EQ(edit.is(2), edit.was(1));
  EXPECT_EQ(edit.after.children[0].children[0].id, edit.before.children[2].children[0].id);
}

TEST(Ids, StayWhenALiteralChanges) {
  const Edit edit("a.b == 1 && c.d < 2", "a.b == 7 && c.d < 2");
  EXPECT_EQ(edit.is(0), edit.was(0));
  EXPECT_EQ(edit.is(1), edit.was(1));
  EXPECT_EQ(edit.after.children[0].children[0].id, edit.before.children[0].children[0].id);
  EXPECT_EQ(edit.after.children[0].children[1].id, edit.before.children[0].children[1].id);
}

TEST(Ids, StayWhenParenthesesCommentsOrSpacesComeIn) {
  const Edit edit("a.b == 1 && c.d", "( a.b==1 ) // x\n&& (c.d)");
  std::multiset<std::uint32_t> before, after;
  idsOf(edit.before, before);
  idsOf(edit.after, after);
  EXPECT_EQ(before, after);
  EXPECT_EQ(edit.is(0), edit.was(0));
}

TEST(Ids, OfTheOthersStayWhenAPartIsNegated) {
  const Edit edit("a.b == 1 && c.d && e.f", "a.b == 1 && !c.d && e.f");
  EXPECT_EQ(edit.after.id, edit.before.id);
  EXPECT_EQ(edit.is(0), edit.was(0));
  EXPECT_EQ(edit.is(2), edit.was(2));
  EXPECT_GT(edit.is(1), edit.was(2));
}

TEST(Ids, StayAtTheRootWhateverItBecomes) {
  const Edit edit("a.b", "a.b || c.d");
  EXPECT_EQ(edit.after.id, edit.before.id);
  const Edit list("a.b in [1, 2, 3]", "a.b in [3, 1]");
  EXPECT_EQ(list.is(1), list.was(1));
  EXPECT_EQ(list.after.children[1].children[0].id, list.before.children[1].children[2].id);
  EXPECT_EQ(list.after.children[1].children[1].id, list.before.children[1].children[0].id);
}

}  // namespace
}  // namespace dvpe::rules
