// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Text -> tokens of the condition language (cel-spec langdef, "Syntax").
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shared/rules/ast.h"

namespace dvpe::rules::impl {

enum class TokenKind { kEnd, kName, kLiteral, kOperator, kWrong };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  Span span;
  std::string_view text;              // of the source
  model::Scalar literal = false;      // kLiteral: a number or a string
  std::vector<std::string> comments;  // between the token before and this one
};

// The position of an offset, for people.
Mistake mistakeAt(std::string_view source, Span span, std::string message);

// All tokens, ending with kEnd; mistakes are appended. A wrong token is kept as kWrong, so that the parser neither
// reports it again nor loses its place.
std::vector<Token> lex(std::string_view source, std::vector<Mistake>& mistakes);

}  // namespace dvpe::rules::impl
