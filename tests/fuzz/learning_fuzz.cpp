// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Models and states of trainers, as they come. First byte: which. What is read can be used and is written as it was
// read.
#include <cstdlib>

#include "shared/learning/ranker.h"
#include "shared/learning/trainer.h"

namespace {

using namespace dvpe;

void model(std::string_view text) {
  const auto read = learning::parseModel(text);
  if (!read) return;
  const auto again = learning::parseModel(learning::toJson(read.value()));
  if (!again || again.value() != read.value()) std::abort();
  std::vector<learning::Candidate> candidates;
  for (const auto& arm : read.value().arms) candidates.push_back(read.value().candidate(arm.name));
  learning::Features features;
  features.add("country=DE");
  learning::Ranking ranking;
  const auto choice = learning::choose(read.value(), candidates, features, 0.5, ranking);
  if (!candidates.empty() && !(choice.probability > 0 && choice.probability <= 1)) std::abort();
}

void state(base::ByteView bytes) {
  learning::TrainerOptions options;
  options.dimension = 4;
  auto read = learning::Trainer::restore(bytes, options);
  if (!read) return;
  read.value().learn("creative/a", {}, 0.5, base::WallTime{});
  learning::toJson(read.value().model(1, "1.1", base::WallTime{}, base::WallTime{}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const base::ByteView rest{data + 1, size - 1};
  if (data[0] % 2 == 0) {
    model({reinterpret_cast<const char*>(rest.data()), rest.size()});
  } else {
    state(rest);
  }
  return 0;
}
