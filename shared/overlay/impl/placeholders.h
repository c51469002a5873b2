// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// "Hello {name}, it is {clock}": parsed once, filled for each painting. {{ and }} stand for { and }.
#pragma once

#include <QString>
#include <functional>
#include <string>
#include <vector>

#include "shared/base/result.h"

namespace dvpe::overlay::impl {

// Text with places for values. Immutable once parsed.
class Template {
 public:
  // kInvalidInput: not UTF-8, or a brace without its partner; kLimitExceeded: too long.
  static base::Result<Template> parse(const std::string& text);

  // The names that it asks for, in order.
  std::vector<std::string> fields() const;
  // valueOf answers each name. Control characters become spaces, characters that would turn the direction of the
  // surrounding text are dropped, and each value is isolated so that it keeps its own direction (Unicode UAX #9, 6.3).
  QString fill(const std::function<std::string(const std::string&)>& valueOf) const;

 private:
  struct Part {
    bool field = false;
    QString text;
  };
  std::vector<Part> parts_;
};

// HH:MM:SS of a count of seconds since any midnight.
std::string clockText(std::int64_t seconds);
// M:SS, or H:MM:SS from an hour on; below zero counts as zero.
std::string countdownText(std::int64_t seconds);

}  // namespace dvpe::overlay::impl
