// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Recursive descent over
//   or = and {"||" and}   and = relation {"&&" relation}   relation = unary [("==" | "!=" | ... | "in") unary]
//   unary = {"!"} primary   primary = literal | "[" literals "]" | path | "has" "(" path ")" | "(" or ")"
// After a mistake it skips to the next &&, ||, comma or closing bracket and goes on, so that one reading lists them
// all.
#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "shared/rules/ast.h"
#include "shared/rules/impl/lexer.h"

namespace dvpe::rules {

namespace {

using impl::Token;
using impl::TokenKind;

struct Relation {
  std::string_view text;
  NodeKind kind;
};
constexpr std::array<Relation, 7> kRelations = {{{"==", NodeKind::kEqual},
                                                 {"!=", NodeKind::kNotEqual},
                                                 {"<=", NodeKind::kLessEqual},
                                                 {">=", NodeKind::kGreaterEqual},
                                                 {"<", NodeKind::kLess},
                                                 {">", NodeKind::kGreater},
                                                 {"in", NodeKind::kIn}}};

// cel-spec langdef, RESERVED.
constexpr std::array<std::string_view, 17> kReserved = {"as",        "break",  "const",  "continue", "else", "for",
                                                        "function",  "if",     "import", "let",      "loop", "package",
                                                        "namespace", "return", "var",    "void",     "while"};

bool isReserved(std::string_view name) {
  for (const std::string_view word : kReserved) {
    if (word == name) return true;
  }
  return false;
}

class Parser {
 public:
  explicit Parser(std::string_view source) : source_(source) { tokens_ = impl::lex(source, mistakes_); }

  Parsed run() {
    Parsed out;
    out.root = parseOr();
    while (now().kind != TokenKind::kEnd) {
      unexpected("expected && or ||");
      if (!recover()) continue;
      parseOr();
    }
    // The lexer's come first; people read from the top.
    std::stable_sort(mistakes_.begin(), mistakes_.end(),
                     [](const Mistake& a, const Mistake& b) { return a.span.offset < b.span.offset; });
    out.mistakes = std::move(mistakes_);
    return out;
  }

 private:
  const Token& now() const { return tokens_[at_]; }
  const Token& after() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  void advance() {
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
    while (now().kind != TokenKind::kEnd && !is("&&") && !is("||") && !is(")") && !is("]") && !is(",")) advance();
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

  template <class Next>
  Node parseChain(std::string_view word, NodeKind kind, Next next) {
    const std::size_t begin = now().span.offset;
    Node first = (this->*next)();
    if (!is(word)) return first;
    Node chain;
    chain.kind = kind;
    chain.children.push_back(std::move(first));
    while (take(word)) chain.children.push_back((this->*next)());
    return finish(std::move(chain), begin);
  }

  Node parseOr() { return parseChain("||", NodeKind::kOr, &Parser::parseAnd); }
  Node parseAnd() { return parseChain("&&", NodeKind::kAnd, &Parser::parseRelation); }

  const Relation* relation() const {
    for (const Relation& each : kRelations) {
      if (is(each.text)) return &each;
    }
    return nullptr;
  }

  Node parseRelation() {
    const std::size_t begin = now().span.offset;
    Node left = parseUnary();
    const Relation* found = relation();
    if (!found) return left;
    advance();
    Node out;
    out.kind = found->kind;
    out.children.push_back(std::move(left));
    out.children.push_back(parseUnary());
    if (relation()) {
      unexpected("expected && or ||: comparisons follow each other only in parentheses");
      skip();
    }
    return finish(std::move(out), begin);
  }

  // Guards every recursion. Beyond the limit the rest of the text is not read.
  struct Level {
    explicit Level(Parser& of) : parser(of) { ++parser.depth_; }
    ~Level() { --parser.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;
    Parser& parser;
  };

  Node parseUnary() {
    const Level level{*this};
    if (depth_ > kMaxConditionDepth) {
      if (now().kind != TokenKind::kEnd) {
        mistake(now().span, "expected at most " + std::to_string(kMaxConditionDepth) + " levels");
      }
      at_ = tokens_.size() - 1;
      silent_ = true;
      return {};
    }
    const std::size_t begin = now().span.offset;
    if (take("!")) {
      Node out;
      out.kind = NodeKind::kNot;
      out.children.push_back(parseUnary());
      return finish(std::move(out), begin);
    }
    return parsePrimary();
  }

  Node parsePrimary() {
    const std::size_t begin = now().span.offset;
    if (take("(")) {
      Node inner = parseOr();
      close(")");
      inner.span = finish({}, begin).span;
      return inner;
    }
    if (is("[")) return parseList();
    if (isLiteral()) return parseLiteral();
    if (now().kind == TokenKind::kName) return parseName();
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
      if (auto* whole = std::get_if<std::int64_t>(&out.literal); minus && whole) {
        if (*whole != std::numeric_limits<std::int64_t>::min()) *whole = -*whole;
      } else if (auto* real = std::get_if<double>(&out.literal); minus && real) {
        *real = -*real;
      } else if (minus) {
        unexpected("expected a number after -");
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
    return finish(std::move(out), begin);
  }

  Node parseList() {
    const std::size_t begin = now().span.offset;
    advance();
    Node out;
    out.kind = NodeKind::kList;
    while (!is("]") && now().kind != TokenKind::kEnd) {
      if (!isLiteral()) {
        unexpected("expected a text, a number, true, false or ]");
        skip();
      } else {
        out.children.push_back(parseLiteral());
      }
      if (!take(",")) break;
    }
    close("]");
    return finish(std::move(out), begin);
  }

  // A path into out; false after a mistake.
  bool parsePath(std::string& out) {
    do {
      if (now().kind != TokenKind::kName || is("true") || is("false") || is("null") || is("in")) {
        unexpected("expected a field's name");
        skip();
        return false;
      }
      if (isReserved(now().text)) unexpected("expected a field's name, not a reserved word");
      out += (out.empty() ? "" : ".") + std::string{now().text};
      advance();
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
      parsePath(out.path);
      close(")");
      return finish(std::move(out), begin);
    }
    out.kind = NodeKind::kField;
    if (!parsePath(out.path)) return {};
    if (is("(") || is("[")) {
      const bool call = is("(");
      const std::string called = out.path.size() > 40 ? std::string{"this"} : out.path;
      mistake(finish({}, begin).span, call ? called + "() is not part of this language; the only function is has(field)"
                                           : "[] after a field is not part of this language");
      parsePrimary();  // what is in the brackets has its own mistakes
    }
    return finish(std::move(out), begin);
  }

  std::string_view source_;
  std::vector<Mistake> mistakes_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
  bool silent_ = false;  // the rest was not read: nothing can be said about it
};

bool isRelation(NodeKind kind) { return kind >= NodeKind::kEqual; }

std::string printLiteral(const model::Scalar& literal) {
  if (const auto* flag = std::get_if<bool>(&literal)) return *flag ? "true" : "false";
  if (const auto* whole = std::get_if<std::int64_t>(&literal)) return std::to_string(*whole);
  if (const auto* text = std::get_if<std::string>(&literal)) return quote(*text);
  std::array<char, 40> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), std::get<double>(literal)).ptr;
  std::string out{digits.data(), end};
  if (out.find_first_of(".e") == std::string::npos) out += ".0";
  return out;
}

void printNode(const Node& node, std::string& out);

void printInParentheses(const Node& node, bool needed, std::string& out) {
  if (needed) out += '(';
  printNode(node, out);
  if (needed) out += ')';
}

void printNode(const Node& node, std::string& out) {
  const bool logic = node.kind == NodeKind::kAnd || node.kind == NodeKind::kOr;
  switch (node.kind) {
    case NodeKind::kLiteral:
      out += printLiteral(node.literal);
      return;
    case NodeKind::kField:
      out += node.path;
      return;
    case NodeKind::kHas:
      out += "has(" + node.path + ")";
      return;
    case NodeKind::kNot:
      out += '!';
      break;
    case NodeKind::kList:
      out += '[';
      break;
    default:
      break;
  }
  std::string_view between = ", ";
  if (node.kind == NodeKind::kAnd) between = " && ";
  if (node.kind == NodeKind::kOr) between = " || ";
  for (const Relation& relation : kRelations) {
    if (relation.kind == node.kind) between = relation.text;
  }
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    const Node& child = node.children[i];
    if (i > 0) {
      out += isRelation(node.kind) ? " " + std::string{between} + " " : std::string{between};
    }
    const bool childLogic = child.kind == NodeKind::kAnd || child.kind == NodeKind::kOr;
    bool needed = childLogic || isRelation(child.kind);
    if (logic) needed = childLogic && !(node.kind == NodeKind::kOr && child.kind == NodeKind::kAnd);
    printInParentheses(child, needed, out);
  }
  if (node.kind == NodeKind::kList) out += ']';
}

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

std::string print(const Node& root) {
  std::string out;
  printNode(root, out);
  return out;
}

bool sameTree(const Node& a, const Node& b) {
  if (a.kind != b.kind || a.path != b.path || a.children.size() != b.children.size()) return false;
  if (a.kind == NodeKind::kLiteral && a.literal != b.literal) return false;
  for (std::size_t i = 0; i < a.children.size(); ++i) {
    if (!sameTree(a.children[i], b.children[i])) return false;
  }
  return true;
}

}  // namespace dvpe::rules
