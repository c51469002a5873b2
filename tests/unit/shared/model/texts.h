// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Texts of documents for tests, and their mistakes.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "shared/model/json.h"

namespace dvpe::model {

inline auto mistake(const std::string& document, const std::string& path, const std::string& words) {
  return testing::AllOf(testing::Field("document", &DocumentError::document, document),
                        testing::Field("path", &DocumentError::path, path),
                        testing::Field("message", &DocumentError::message, testing::HasSubstr(words)));
}

inline std::string doc(const std::string& kind, const std::string& id, const std::string& body,
                       const std::string& organisation = "aventa") {
  return R"({"kind":")" + kind + R"(","id":")" + id + R"(","organisation":")" + organisation +
         R"(","revision":7,"body":)" + body + "}";
}

inline const std::string kCreative = doc("creative", "ad", R"({"media":"m"})");

inline Loaded read(const std::vector<std::string>& texts) {
  std::vector<DocumentText> all;
  all.reserve(texts.size());
  for (const std::string& text : texts) all.push_back({std::to_string(all.size()) + ".json", text});
  return readDocuments(all);
}

// A body, and its one mistake.
struct Wrong {
  std::string body;
  std::string path;
  std::string words;
};

inline void expectMistakes(const std::string& kind, const std::vector<Wrong>& all) {
  for (const Wrong& each : all) {
    const auto errors = read({doc(kind, "it", each.body), kCreative}).errors;
    EXPECT_THAT(errors, testing::ElementsAre(mistake("0.json", each.path, each.words))) << each.body << "\n"
                                                                                        << describe(errors);
  }
}

}  // namespace dvpe::model
