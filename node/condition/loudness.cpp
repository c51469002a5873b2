// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/condition/loudness.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace dvpe::condition {
namespace {

constexpr std::size_t kStep = 4800;  // 100 ms

// A second-order filter, direct form II transposed.
struct Biquad {
  double b0, b1, b2, a1, a2;
  double s1 = 0, s2 = 0;
  double run(double x) {
    const double y = b0 * x + s1;
    s1 = b1 * x - a1 * y + s2;
    s2 = b2 * x - a2 * y;
    return y;
  }
};

// Annex 1, tables 1 and 2: the head's shelf, then the low cut, at 48 kHz.
struct KWeighting {
  Biquad shelf{1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585};
  Biquad cut{1.0, -2.0, 1.0, -1.99004745483398, 0.99007225036621};
  double run(double x) { return cut.run(shelf.run(x)); }
};

double lufs(double meanSquare) { return -0.691 + 10 * std::log10(meanSquare); }

// The mean of the blocks louder than the gate, or 0.
double gatedMean(const std::vector<double>& blocks, double gate) {
  double sum = 0;
  std::size_t n = 0;
  for (const double b : blocks) {
    if (b > 0 && lufs(b) > gate) {
      sum += b;
      ++n;
    }
  }
  return n == 0 ? 0 : sum / static_cast<double>(n);
}

}  // namespace

std::optional<double> integratedLoudness(std::span<const float> samples) {
  KWeighting left, right;
  std::vector<double> steps;  // energy of each 100 ms, both channels
  const std::size_t pairs = samples.size() / 2;
  double energy = 0;
  std::size_t inStep = 0;
  for (std::size_t i = 0; i < pairs; ++i) {
    const double l = left.run(static_cast<double>(samples[2 * i]));
    const double r = right.run(static_cast<double>(samples[2 * i + 1]));
    energy += l * l + r * r;
    if (++inStep == kStep) {
      steps.push_back(energy);
      energy = 0;
      inStep = 0;
    }
  }
  std::vector<double> blocks;
  for (std::size_t i = 3; i < steps.size(); ++i) {
    blocks.push_back((steps[i - 3] + steps[i - 2] + steps[i - 1] + steps[i]) / (4.0 * kStep));
  }
  if (blocks.empty() && pairs > 0) {  // under 400 ms: the whole is one block
    double all = energy;
    for (const double s : steps) {
      all += s;
    }
    blocks.push_back(all / static_cast<double>(pairs));
  }
  const double ungated = gatedMean(blocks, -70);
  if (ungated <= 0) {
    return std::nullopt;
  }
  return lufs(gatedMean(blocks, std::max(-70.0, lufs(ungated) - 10)));
}

}  // namespace dvpe::condition
