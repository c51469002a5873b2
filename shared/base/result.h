// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Result and Error: how every path that carries frames or requests reports failure. Exceptions are for start-up only.
#pragma once

#include <boost/outcome/basic_result.hpp>
#include <boost/outcome/policy/terminate.hpp>
#include <boost/outcome/try.hpp>
#include <boost/preprocessor/cat.hpp>
#include <string>
#include <utility>

namespace dvpe::base {

// What kind of failure it is; the message says the rest, in words that an operator understands.
enum class ErrorCode {
  kInvalidInput,   // what came from outside breaks its own rules
  kLimitExceeded,  // well formed, but larger, deeper or more than allowed
  kUnsupported,    // well formed, but not something that we handle
  kNotFound,
  kRefused,      // the asker may not
  kConflict,     // clashes with what already is
  kUnavailable,  // could work later
  kIo,           // the operating system said no
  kInternal,     // ours: should not happen
};

// The word for a code, as logs and JSON use it ("invalid_input").
const char* name(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;  // one line, no secrets, no personal data
};

// A value or an Error. Looking at the wrong one ends the program: test first.
template <class T>
using Result = BOOST_OUTCOME_V2_NAMESPACE::basic_result<T, Error, BOOST_OUTCOME_V2_NAMESPACE::policy::terminate>;

// The way to return an error: return fail(ErrorCode::kIo, "...").
inline auto fail(ErrorCode code, std::string message) {
  return BOOST_OUTCOME_V2_NAMESPACE::failure(Error{code, std::move(message)});
}

// What a function without a value returns at its end.
inline auto success() { return BOOST_OUTCOME_V2_NAMESPACE::success(); }

}  // namespace dvpe::base

// DVPE_TRY(auto x, f()): x is f's value, or this function returns f's error. Stands alone, never after an if.
#define DVPE_TRY BOOST_OUTCOME_TRY

// DVPE_CHECK(f()): this function returns f's error, if there is one. One statement.
#define DVPE_CHECK(...) DVPE_CHECK_NAMED(BOOST_PP_CAT(dvpeChecked, __COUNTER__), __VA_ARGS__)
#define DVPE_CHECK_NAMED(name, ...)                 \
  do {                                              \
    auto&& name = (__VA_ARGS__);                    \
    if (!name) return std::move(name).as_failure(); \
  } while (false)
