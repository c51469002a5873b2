// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Recursive descent over cel-spec langdef, "Syntax", but for messages, bytes, unsigned numbers and chained relations:
//   expr = or ["?" or ":" expr]      or = and {"||" and}       and = relation {"&&" relation}
//   relation = sum [("==" | "!=" | ... | "in") sum]            sum = product {("+" | "-") product}
//   product = unary {("*" | "/" | "%") unary}                  unary = {"!" | "-"} member
//   member = primary {"." name ["(" list ")"] | "[" expr "]"}
//   primary = literal | path | name "(" list ")" | "[" list "]" | "{" pairs "}" | "(" expr ")"
// After a mistake it skips to the next &&, ||, comma or closing bracket and goes on, so that one reading lists them
// all. Comments stay with the part that begins after them or, before an operator or a closing bracket, with the part
// that ends there.
#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <utility>

#include "shared/rules/ast.h"
#include "shared/rules/impl/lexer.h"
#include "shared/rules/impl/operators.h"

namespace dvpe::rules {

namespace {

using impl::Token;
using impl::TokenKind;

// cel-spec langdef, RESERVED.
constexpr std::array<std::string_view, 17> kReserved = {"as",        "break",  "const",  "continue", "else", "for",
                                                        "function",  "if",     "import", "let",      "loop", "package",
                                                        "namespace", "return", "var",    "void",     "while"};
constexpr std::array<std::string_view, 5> kMacros = {"all", "exists", "exists_one", "filter", "map"};

template <std::size_t N>
bool isOneOf(const std::array<std::string_view, N>& words, std::string_view name) {
  return std::find(words.begin(), words.end(), name) != words.end();
}

// Whether the text of such a node begins with that of its first child.
bool beginsWithChild(const Node& node) {
  switch (node.kind) {
    case NodeKind::kLiteral:
    case NodeKind::kList:
    case NodeKind::kMap:
    case NodeKind::kField:
    case NodeKind::kHas:
    case NodeKind::kCall:
    case NodeKind::kNegate:
    case NodeKind::kNot:
      return false;
    default:
      return true;
  }
}

void append(std::vector<std::string>& to, std::vector<std::string>&& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  from.clear();
}

class Parser {
 public:
  explicit Parser(std::string_view source) : source_(source) { tokens_ = impl::lex(source, mistakes_); }

  Parsed run() {
    Parsed out;
    out.root = parseExpression();
    while (now().kind != TokenKind::kEnd) {
      unexpected("expected && or ||");
      if (!recover()) continue;
      parseExpression();
    }
    commentsAfter(out.root);
    std::uint32_t ids = 0;
    number(out.root, ids, 1);
    // The lexer's come first; people read from the top.
    std::stable_sort(mistakes_.begin(), mistakes_.end(),
                     [](const Mistake& a, const Mistake& b) { return a.span.offset < b.span.offset; });
    out.mistakes = std::move(mistakes_);
    return out;
  }

 private:
  // Brackets and chains are bounded each; within each other they would make a tree too high for whoever walks it.
  void number(Node& node, std::uint32_t& ids, int level) {
    node.id = ++ids;
    if (level > kMaxTreeLevels) {
      mistake(node.span, kTooDeep);
      silent_ = true;
      return;
    }
    for (Node& child : node.children) number(child, ids, level + 1);
  }

  const Token& now() const { return tokens_[at_]; }
  const Token& after() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  void advance() {
    append(comments_, std::move(tokens_[at_].comments));
    if (at_ + 1 < tokens_.size()) ++at_;
  }
  bool is(std::string_view text) const {
    return (now().kind == TokenKind::kOperator || now().kind == TokenKind::kName) && now().text == text;
  }
  bool take(std::string_view text) {
    if (!is(text)) return false;
    advance();
    return true;
  }

  // Comments before the token that follows belong to the part that has just ended.
  void commentsAfter(Node& node) {
    append(node.after, std::move(comments_));
    append(node.after, std::move(tokens_[at_].comments));
  }

  void mistake(Span span, std::string message) {
    if (silent_ || mistakes_.size() >= kMaxMistakes) return;
    mistakes_.push_back(impl::mistakeAt(source_, span, std::move(message)));
  }

  // "<expected>, found <token>". A wrong token was reported when it was read.
  void unexpected(const std::string& expected) {
    const Token& token = now();
    if (token.kind == TokenKind::kWrong) return;
    if (token.kind == TokenKind::kEnd) return mistake(token.span, expected + ", found the end");
    if (token.text.size() > 40) return mistake(token.span, expected);
    mistake(token.span, expected + ", found " + std::string{token.text});
  }

  // To the next place where an expression may go on or end.
  void skip() {
    while (now().kind != TokenKind::kEnd && !is("&&") && !is("||") && !is(")") && !is("]") && !is("}") && !is(","))
      advance();
  }

  // At top level: past what makes no sense here; true when another expression follows.
  bool recover() {
    skip();
    if (now().kind == TokenKind::kEnd) return false;
    const bool joins = is("&&") || is("||");
    advance();
    return joins;
  }

  Node finish(Node&& node, std::size_t begin) const {
    const Span last = at_ > 0 ? tokens_[at_ - 1].span : Span{};
    node.span = {begin, std::max(last.offset + last.length, begin) - begin};
    return std::move(node);
  }

  // Guards every recursion and every chain that nests to the left. Beyond the limit the rest of the text is not read.
  struct Level {
    explicit Level(Parser& of) : parser(of) { ++parser.depth_; }
    ~Level() { --parser.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;
    Parser& parser;
  };
  bool tooDeep(int more = 0) {
    if (depth_ + more <= kMaxConditionDepth) return false;
    if (now().kind != TokenKind::kEnd) mistake(now().span, kTooDeep);
    at_ = tokens_.size() - 1;
    silent_ = true;
    return true;
  }

  Node parseExpression() {
    const std::size_t begin = now().span.offset;
    Node condition = parseOr();
    if (!is("?")) return condition;
    commentsAfter(condition);
    advance();
    Node out;
    out.kind = NodeKind::kConditional;
    out.children.push_back(std::move(condition));
    out.children.push_back(parseOr());
    commentsAfter(out.children.back());
    if (!take(":")) {
      unexpected("expected :");
      skip();
      return finish(std::move(out), begin);
    }
    const Level level{*this};
    if (!tooDeep()) out.children.push_back(parseExpression());
    return finish(std::move(out), begin);
  }

  template <class Next>
  Node parseChain(std::string_view word, NodeKind kind, Next next) {
    const std::size_t begin = now().span.offset;
    Node first = (this->*next)();
    if (!is(word)) return first;
    Node chain;
    chain.kind = kind;
    commentsAfter(first);
    chain.children.push_back(std::move(first));
    while (take(word)) {
      chain.children.push_back((this->*next)());
      if (is(word)) commentsAfter(chain.children.back());
    }
    return finish(std::move(chain), begin);
  }

  Node parseOr() { return parseChain("||", NodeKind::kOr, &Parser::parseAnd); }
  Node parseAnd() { return parseChain("&&", NodeKind::kAnd, &Parser::parseRelation); }

  const impl::Operator* operatorNow(impl::Rank rank) const {
    for (const impl::Operator& each : impl::kOperators) {
      if (each.rank == rank && is(each.text)) return &each;
    }
    return nullptr;
  }

  Node parseRelation() {
    const std::size_t begin = now().span.offset;
    Node left = parseSum();
    const impl::Operator* found = operatorNow(impl::Rank::kRelation);
    if (!found) return left;
    commentsAfter(left);
    advance();
    Node out;
    out.kind = found->kind;
    out.children.push_back(std::move(left));
    out.children.push_back(parseSum());
    if (operatorNow(impl::Rank::kRelation)) {
      unexpected("expected && or ||: comparisons follow each other only in parentheses");
      skip();
    }
    return finish(std::move(out), begin);
  }

  template <class Next>
  Node parseLeft(impl::Rank rank, Next next) {
    const std::size_t begin = now().span.offset;
    Node left = (this->*next)();
    int links = 0;
    while (const impl::Operator* found = operatorNow(rank)) {
      if (tooDeep(++links)) break;
      commentsAfter(left);
      advance();
      Node out;
      out.kind = found->kind;
      out.children.push_back(std::move(left));
      out.children.push_back((this->*next)());
      left = finish(std::move(out), begin);
    }
    return left;
  }
  Node parseSum() { return parseLeft(impl::Rank::kSum, &Parser::parseProduct); }
  Node parseProduct() { return parseLeft(impl::Rank::kProduct, &Parser::parseUnary); }

  Node parseUnary() {
    const Level level{*this};
    if (tooDeep()) return {};
    std::vector<std::string> comments = std::exchange(tokens_[at_].comments, {});
    Node node = parsePrefixed();
    Node* leftmost = &node;
    while (beginsWithChild(*leftmost) && !leftmost->children.empty()) leftmost = &leftmost->children.front();
    append(comments, std::exchange(comments_, {}));
    append(comments, std::exchange(leftmost->before, {}));
    leftmost->before = std::move(comments);
    return node;
  }

  Node parsePrefixed() {
    const std::size_t begin = now().span.offset;
    const bool minus = is("-");
    if (!minus && !is("!")) return parseMember();
    if (minus && after().kind == TokenKind::kLiteral && after().literal.index() != 3) return parseMember();
    advance();
    Node out;
    out.kind = minus ? NodeKind::kNegate : NodeKind::kNot;
    out.children.push_back(parseUnary());
    return finish(std::move(out), begin);
  }

  Node parseMember() {
    const std::size_t begin = now().span.offset;
    Node node = parsePrimary();
    for (int links = 0; is(".") || is("[");) {
      if (tooDeep(++links)) break;
      Node out;
      commentsAfter(node);
      if (take("[")) {
        out.kind = NodeKind::kIndex;
        out.children.push_back(std::move(node));
        out.children.push_back(parseExpression());
        commentsAfter(out.children.back());
        close("]");
      } else {
        advance();
        std::string name;
        if (!parseWord(name)) return node;
        if (is("(")) {
          node = parseArguments(std::move(node), std::move(name), begin);
          continue;
        }
        out.kind = NodeKind::kSelect;
        out.name = std::move(name);
        out.children.push_back(std::move(node));
      }
      node = finish(std::move(out), begin);
    }
    return node;
  }

  Node parsePrimary() {
    const std::size_t begin = now().span.offset;
    if (take("(")) {
      Node inner = parseExpression();
      commentsAfter(inner);
      close(")");
      inner.span = finish({}, begin).span;
      return inner;
    }
    if (is("[")) return parseList();
    if (is("{")) return parseMap();
    if (isLiteral()) return parseLiteral();
    if (now().kind == TokenKind::kName && !is("in")) return parseName();
    unexpected("expected a value, a field or a condition");
    skip();
    return {};
  }

  void close(std::string_view bracket) {
    if (take(bracket)) return;
    unexpected(std::string{bracket == ")" ? "expected && or || or " : "expected , or "} + std::string{bracket});
    skip();
    while (is("&&") || is("||") || is(",")) {
      advance();
      skip();
    }
    take(bracket);
  }

  bool isLiteral() const {
    return now().kind == TokenKind::kLiteral || is("true") || is("false") || is("null") || is("-");
  }

  Node parseLiteral() {
    const std::size_t begin = now().span.offset;
    Node out;
    const bool minus = take("-");
    if (now().kind == TokenKind::kLiteral) {
      out.literal = now().literal;
      if (auto* whole = std::get_if<std::int64_t>(&out.literal)) {
        const bool least = *whole == std::numeric_limits<std::int64_t>::min();
        if (least && !minus) mistake(now().span, "this number does not fit 64 bits");
        if (minus && !least) *whole = -*whole;
      } else if (auto* real = std::get_if<double>(&out.literal); minus && real) {
        *real = -*real;
      }
      advance();
    } else if (minus) {
      unexpected("expected a number after -");
      skip();
    } else if (take("null")) {
      mistake(finish({}, begin).span, "null is not part of this language; has(field) tells whether there is a value");
    } else {
      out.literal = is("true");
      advance();
    }
    out = finish(std::move(out), begin);
    if (comments_.empty()) out.spelling = source_.substr(begin, out.span.length);  // else "-", a comment, "1"
    return out;
  }

  // Items up to the closing bracket, which is left. each() reads one into children.
  template <class Each>
  void parseItems(std::vector<Node>& children, std::string_view closing, Each each) {
    while (!is(closing) && now().kind != TokenKind::kEnd) {
      const std::size_t before = at_;
      each();
      if (!children.empty()) commentsAfter(children.back());
      if (!take(",")) break;
      if (at_ == before) break;
    }
  }

  Node parseList() {
    const std::size_t begin = now().span.offset;
    advance();
    Node out;
    out.kind = NodeKind::kList;
    parseItems(out.children, "]", [&] { out.children.push_back(parseExpression()); });
    close("]");
    return finish(std::move(out), begin);
  }

  Node parseMap() {
    const std::size_t begin = now().span.offset;
    advance();
    Node out;
    out.kind = NodeKind::kMap;
    parseItems(out.children, "}", [&] {
      out.children.push_back(parseExpression());
      commentsAfter(out.children.back());
      if (!take(":")) {
        unexpected("expected : after a key");
        skip();
        out.children.pop_back();
        return;
      }
      out.children.push_back(parseExpression());
    });
    close("}");
    return finish(std::move(out), begin);
  }

  bool parseWord(std::string& out) {
    if (now().kind != TokenKind::kName || is("true") || is("false") || is("null") || is("in")) {
      unexpected("expected a field's name");
      skip();
      return false;
    }
    if (isReserved()) unexpected("expected a field's name, not a reserved word");
    out = now().text;
    advance();
    return true;
  }
  bool isReserved() const { return isOneOf(kReserved, now().text); }

  // A path into out; false after a mistake. A name that is called, and is not the first, is left with its dot.
  bool parsePath(std::string& out) {
    do {
      std::string word;
      if (!parseWord(word)) return false;
      out += (out.empty() ? "" : ".") + word;
      if (!is(".") || after().kind != TokenKind::kName) continue;
      const Token& next = tokens_[std::min(at_ + 2, tokens_.size() - 1)];
      if (next.kind == TokenKind::kOperator && next.text == "(") return true;
    } while (take("."));
    return true;
  }

  Node parseName() {
    const std::size_t begin = now().span.offset;
    Node out;
    if (is("has") && after().text == "(") {
      advance();
      advance();
      out.kind = NodeKind::kHas;
      parsePath(out.name);
      close(")");
      return finish(std::move(out), begin);
    }
    out.kind = NodeKind::kField;
    if (!parsePath(out.name)) return {};
    if (!is("(")) return finish(std::move(out), begin);
    out.kind = NodeKind::kCall;
    parseArgumentList(out);
    return finish(std::move(out), begin);
  }

  void parseArgumentList(Node& call) {
    advance();
    parseItems(call.children, ")", [&] { call.children.push_back(parseExpression()); });
    close(")");
  }

  // receiver.name( ... ), which may be a macro: its first argument names a variable.
  Node parseArguments(Node receiver, std::string name, std::size_t begin) {
    Node out;
    out.kind = NodeKind::kMethod;
    out.name = std::move(name);
    out.children.push_back(std::move(receiver));
    parseArgumentList(out);
    if (!isOneOf(kMacros, out.name)) return finish(std::move(out), begin);
    out.kind = NodeKind::kMacro;
    const std::size_t most = out.name == "map" ? 4 : 3;
    if (out.children.size() < 3 || out.children.size() > most) {
      mistake(finish({}, begin).span, "expected " + out.name + "(x, condition on x)");
    } else if (out.children[1].kind != NodeKind::kField || out.children[1].name.find('.') != std::string::npos) {
      mistake(out.children[1].span, "expected a name for the items");
    } else {
      out.variable = out.children[1].name;
      append(out.children[0].after, std::move(out.children[1].before));
      append(out.children[0].after, std::move(out.children[1].after));
    }
    if (out.children.size() > 1) out.children.erase(out.children.begin() + 1);
    return finish(std::move(out), begin);
  }

  static constexpr int kMaxTreeLevels = 4 * kMaxConditionDepth;
  const std::string kTooDeep = "expected at most " + std::to_string(kMaxConditionDepth) + " levels";

  std::string_view source_;
  std::vector<Mistake> mistakes_;
  std::vector<Token> tokens_;
  std::vector<std::string> comments_;  // read over, and not given to a part yet
  std::size_t at_ = 0;
  int depth_ = 0;
  bool silent_ = false;  // the rest was not read: nothing can be said about it
};

}  // namespace

Parsed parse(std::string_view text) {
  if (text.size() > kMaxConditionBytes) {
    Parsed out;
    out.mistakes.push_back(
        {{},
         1,
         1,
         "expected at most " + std::to_string(kMaxConditionBytes) + " bytes, found " + std::to_string(text.size())});
    return out;
  }
  return Parser{text}.run();
}

std::string describe(const Mistake& mistake) {
  return "line " + std::to_string(mistake.line) + ", column " + std::to_string(mistake.column) + ": " + mistake.message;
}

}  // namespace dvpe::rules
