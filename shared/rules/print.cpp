// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// Tree -> text, and what stays the same between two trees.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <functional>
#include <iterator>

#include "shared/rules/ast.h"
#include "shared/rules/impl/lexer.h"
#include "shared/rules/impl/operators.h"

namespace dvpe::rules {

namespace {

using impl::Rank;

bool isNumber(const Node& node) { return node.kind == NodeKind::kLiteral && node.literal.index() - 1 < 2; }

bool isNegative(const Node& node) {
  if (const auto* whole = std::get_if<std::int64_t>(&node.literal)) return *whole < 0;
  if (const auto* real = std::get_if<double>(&node.literal)) return std::signbit(*real);
  return false;
}

Rank rankOf(const Node& node) {
  switch (node.kind) {
    case NodeKind::kConditional:
      return Rank::kConditional;
    case NodeKind::kOr:
      return Rank::kOr;
    case NodeKind::kAnd:
      return Rank::kAnd;
    case NodeKind::kNot:
    case NodeKind::kNegate:
      return Rank::kUnary;
    case NodeKind::kLiteral:
      return isNegative(node) ? Rank::kUnary : Rank::kMember;
    default:
      break;
  }
  const impl::Operator* found = impl::operatorOf(node.kind);
  return found != nullptr ? found->rank : Rank::kMember;
}

// -1 is a literal, and so is what -1.f() is called on: what is negated must not begin with a number.
bool beginsWithNumber(const Node& node) {
  if (isNumber(node)) return !isNegative(node);
  const bool member = node.kind == NodeKind::kSelect || node.kind == NodeKind::kIndex ||
                      node.kind == NodeKind::kMethod || node.kind == NodeKind::kMacro;
  return member && beginsWithNumber(node.children.front());
}

std::string canonical(const model::Scalar& literal) {
  if (const auto* flag = std::get_if<bool>(&literal)) return *flag ? "true" : "false";
  if (const auto* whole = std::get_if<std::int64_t>(&literal)) return std::to_string(*whole);
  if (const auto* text = std::get_if<std::string>(&literal)) return quote(*text);
  std::array<char, 40> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), std::get<double>(literal)).ptr;
  std::string out{digits.data(), end};
  if (out.find_first_of(".e") == std::string::npos) out += ".0";
  return out;
}

// As it was written, as long as that still means the literal.
std::string printLiteral(const Node& node) {
  if (node.spelling.empty() || node.literal.index() == 0) return canonical(node.literal);
  Parsed read = parse(node.spelling);
  const bool same = read.mistakes.empty() && read.root.kind == NodeKind::kLiteral &&
                    read.root.literal == node.literal && read.root.before.empty() && read.root.after.empty();
  return same ? node.spelling : canonical(node.literal);
}

class Printer {
 public:
  std::string run(const Node& root) {
    print(root);
    return std::move(out_);
  }

 private:
  void comments(const std::vector<std::string>& lines, bool behind) {
    for (const std::string& line : lines) {
      if (behind && !out_.empty() && out_.back() != ' ' && out_.back() != '\n') out_ += ' ';
      out_ += "//";
      if (!line.empty()) out_ += ' ';
      std::replace_copy_if(
          line.begin(), line.end(), std::back_inserter(out_), [](char c) { return c == '\n' || c == '\r'; }, ' ');
      out_ += '\n';
    }
  }

  // Space before what follows, unless a comment has ended the line.
  void say(std::string_view text) {
    if (!text.empty() && text.front() == ' ' && !out_.empty() && out_.back() == '\n') text.remove_prefix(1);
    out_ += text;
  }

  void print(const Node& node, bool parentheses = false) {
    if (parentheses) out_ += '(';
    comments(node.before, false);
    body(node);
    comments(node.after, true);
    if (parentheses) out_ += ')';
  }
  void operand(const Node& node, Rank least) { print(node, rankOf(node) < least); }
  // One that ends where the whole ends. A comment there would be the whole's.
  void lastOperand(const Node& node, Rank least) { print(node, rankOf(node) < least || !node.after.empty()); }

  void items(const std::vector<Node>& nodes, std::size_t from = 0) {
    for (std::size_t i = from; i < nodes.size(); ++i) {
      if (i > from) say(", ");
      print(nodes[i]);
    }
  }

  void chain(const Node& node, std::string_view word) {
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      const Node& child = node.children[i];
      if (i > 0) say(word);
      const bool ends = i + 1 == node.children.size() && !child.after.empty();
      print(child, rankOf(child) < rankOf(node) || child.kind == node.kind || ends);
    }
  }

  void prefixed(const Node& node, char sign) {
    out_ += sign;
    const Node& child = node.children.front();
    print(child, rankOf(child) < Rank::kUnary || (sign == '-' && beginsWithNumber(child)) || !child.after.empty());
  }

  // What .name and [i] are put behind. A field's own dots would take a member in.
  void receiver(const Node& node, bool member) {
    print(node, rankOf(node) < Rank::kMember || (member && node.kind == NodeKind::kField));
  }

  void binary(const Node& node, const impl::Operator& how) {
    const bool left = how.rank != Rank::kRelation;  // a - b - c is (a - b) - c
    operand(node.children[0], left ? how.rank : Rank::kSum);
    say(" ");
    out_ += how.text;
    out_ += ' ';
    lastOperand(node.children[1], static_cast<Rank>(static_cast<int>(how.rank) + 1));
  }

  void macro(const Node& node) {
    receiver(node.children[0], false);
    out_ += "." + node.name + "(" + node.variable;
    for (std::size_t i = 1; i < node.children.size(); ++i) {
      say(", ");
      print(node.children[i]);
    }
    out_ += ')';
  }

  void body(const Node& node) {
    switch (node.kind) {
      case NodeKind::kLiteral:
        out_ += printLiteral(node);
        return;
      case NodeKind::kField:
        out_ += node.name;
        return;
      case NodeKind::kHas:
        out_ += "has(" + node.name + ")";
        return;
      case NodeKind::kNot:
        return prefixed(node, '!');
      case NodeKind::kNegate:
        return prefixed(node, '-');
      case NodeKind::kAnd:
        return chain(node, " && ");
      case NodeKind::kOr:
        return chain(node, " || ");
      case NodeKind::kList:
        out_ += '[';
        items(node.children);
        out_ += ']';
        return;
      case NodeKind::kMap:
        return map(node);
      case NodeKind::kCall:
        out_ += node.name + "(";
        items(node.children);
        out_ += ')';
        return;
      case NodeKind::kMethod:
        receiver(node.children[0], false);
        out_ += "." + node.name + "(";
        items(node.children, 1);
        out_ += ')';
        return;
      case NodeKind::kMacro:
        return macro(node);
      case NodeKind::kSelect:
        receiver(node.children[0], true);
        out_ += "." + node.name;
        return;
      case NodeKind::kIndex:
        receiver(node.children[0], false);
        out_ += '[';
        print(node.children[1]);
        out_ += ']';
        return;
      case NodeKind::kConditional:
        operand(node.children[0], Rank::kOr);
        say(" ? ");
        operand(node.children[1], Rank::kOr);
        say(" : ");
        lastOperand(node.children[2], Rank::kConditional);
        return;
      default:
        return binary(node, *impl::operatorOf(node.kind));
    }
  }

  void map(const Node& node) {
    out_ += '{';
    for (std::size_t i = 0; i + 1 < node.children.size(); i += 2) {
      if (i > 0) say(", ");
      operand(node.children[i], Rank::kOr);
      out_ += ": ";
      print(node.children[i + 1]);
    }
    out_ += '}';
  }

  std::string out_;
};

// ---- ids

std::size_t mixed(std::size_t a, std::size_t b) { return (a ^ (b + 0x9e3779b97f4a7c15U + (a << 6) + (a >> 2))) * 31; }

// Equal trees have equal hashes.
std::size_t hashOf(const Node& node) {
  std::size_t out =
      mixed(static_cast<std::size_t>(node.kind), std::hash<std::string>{}(node.name + "." + node.variable));
  if (node.kind == NodeKind::kLiteral) out = mixed(out, std::hash<model::Scalar>{}(node.literal));
  for (const Node& child : node.children) out = mixed(out, hashOf(child));
  return out;
}

std::uint32_t largestId(const Node& node) {
  std::uint32_t out = node.id;
  for (const Node& child : node.children) out = std::max(out, largestId(child));
  return out;
}

void copyIds(const Node& from, Node& to) {
  to.id = from.id;
  for (std::size_t i = 0; i < to.children.size(); ++i) copyIds(from.children[i], to.children[i]);
}

void freshIds(Node& node, std::uint32_t& last) {
  node.id = ++last;
  for (Node& child : node.children) freshIds(child, last);
}

void matchIds(const Node& before, Node& after, std::uint32_t& last) {
  after.id = before.id;
  std::vector<std::size_t> hashes;
  for (const Node& child : before.children) hashes.push_back(hashOf(child));
  std::vector<bool> taken(before.children.size()), given(after.children.size());
  const auto pair = [&](std::size_t from, std::size_t to) { taken[from] = given[to] = true; };
  for (std::size_t to = 0; to < after.children.size(); ++to) {
    const std::size_t hash = hashOf(after.children[to]);
    for (std::size_t from = 0; from < hashes.size() && !given[to]; ++from) {
      if (taken[from] || hashes[from] != hash || !sameTree(before.children[from], after.children[to])) continue;
      copyIds(before.children[from], after.children[to]);
      pair(from, to);
    }
  }
  for (std::size_t to = 0; to < after.children.size(); ++to) {
    if (given[to]) continue;
    const bool here = to < taken.size() && !taken[to] && before.children[to].kind == after.children[to].kind;
    std::size_t from = here ? to : 0;
    while (from < taken.size() && (taken[from] || before.children[from].kind != after.children[to].kind)) ++from;
    if (from < taken.size()) {
      matchIds(before.children[from], after.children[to], last);
      pair(from, to);
    } else {
      freshIds(after.children[to], last);
    }
  }
}

}  // namespace

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7F) {
      constexpr std::string_view kHex = "0123456789abcdef";
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string print(const Node& root) { return Printer{}.run(root); }

bool sameTree(const Node& a, const Node& b) {
  if (a.kind != b.kind || a.name != b.name || a.variable != b.variable || a.children.size() != b.children.size())
    return false;
  if (a.kind == NodeKind::kLiteral && a.literal != b.literal) return false;
  for (std::size_t i = 0; i < a.children.size(); ++i) {
    if (!sameTree(a.children[i], b.children[i])) return false;
  }
  return true;
}

void keepIds(const Node& before, Node& after) {
  std::uint32_t last = largestId(before);
  matchIds(before, after, last);
}

}  // namespace dvpe::rules
