// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Preloaded into a child process of the determinism test so that QT_NO_CPU_FEATURE has an effect. Qt 6.4 takes the
// variable apart with strtok_r and compares each word with names that begin with a space (" avx2"), so that no word
// ever matches; this strtok_r puts the space back.
#include <array>
#include <cstdio>
#include <cstring>

extern "C" char* strtok_r(char* text, const char* delimiters, char** rest) noexcept {
  static std::array<std::array<char, 64>, 16> words;
  static std::size_t count = 0;
  char* at = text ? text : *rest;
  if (!at) return nullptr;
  at += std::strspn(at, delimiters);
  if (*at == '\0') {
    *rest = at;
    return nullptr;
  }
  const std::size_t length = std::strcspn(at, delimiters);
  auto& word = words[count++ % words.size()];
  std::snprintf(word.data(), word.size(), " %.*s", static_cast<int>(length), at);
  *rest = at + length + (at[length] == '\0' ? 0 : 1);
  return word.data();
}
