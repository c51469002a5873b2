// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/package/packager.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <future>

#include "node/package/segmenter.h"
#include "shared/base/log.h"

namespace dvpe::package {

using timeline::Grid;

namespace {
constexpr std::size_t kMaxCaptions = 512;
constexpr std::size_t kMaxSlotsWaiting = 47 * 60;  // a minute of audio that no cut has claimed

// Called for the first lost part: one line a cell, however many parts a full disk costs.
void logLost(const std::string& channel, std::int64_t msn, const std::string& variant, const std::string& rendition,
             const base::Error& error) {
  spdlog::error("segments are lost channel={} msn={} variant={} rendition={} reason=\"{}\"", channel, msn, variant,
                rendition, error.message);
}

}  // namespace

std::string audioRendition(int track) { return "a" + std::to_string(track); }
std::string captionRendition(int track) { return "s" + std::to_string(track); }

Packager::Packager(ChannelShape shape, Window& window, timeline::Journal& journal, boost::asio::any_io_executor pool,
                   std::vector<timeline::FeedListener*> listeners)
    : shape_(std::move(shape)),
      profile_(profileName(shape_.profile)),
      window_(window),
      journal_(journal),
      strand_(boost::asio::make_strand(std::move(pool))),
      listeners_(std::move(listeners)),
      tracks_(static_cast<std::size_t>(shape_.audioTracks)) {}

void Packager::begin(const timeline::CutState& state, bool rendered, std::vector<std::string> variants,
                     std::vector<std::uint16_t> variantOfCohort, std::vector<std::uint16_t> fallbacks) {
  boost::asio::post(strand_, [this, state, rendered, variants = std::move(variants),
                              cohorts = std::move(variantOfCohort), fallbacks = std::move(fallbacks)]() mutable {
    doBegin(state, rendered, std::move(variants), std::move(cohorts), std::move(fallbacks));
  });
}

void Packager::doBegin(const timeline::CutState& state, bool rendered, std::vector<std::string> variants,
                       std::vector<std::uint16_t> variantOfCohort, std::vector<std::uint16_t> fallbacks) {
  const timeline::Cut& cut = *state.last;
  if (!open_.empty()) {
    open_.back().cell.end = cut.at;
    open_.back().ended = true;
  }
  Open open;
  open.cell.msn = cut.msn;
  open.cell.start = cut.at;
  open.cell.span = cut.span;
  open.cell.hole = !rendered;
  open.cell.variants = std::move(variants);
  open.cell.variantOfCohort = std::move(variantOfCohort);
  open.cell.fallbacks = std::move(fallbacks);
  if (rendered) {
    for (const auto& variant : open.cell.variants) {
      for (const auto& rung : shape_.profile.rungs) open.missing.emplace(variant, rung.name);
    }
  } else {
    open.audioDone = shape_.audioTracks;
  }
  if (const auto done = journal_.cut(state); !done) {
    ++counters_.writeErrors;
    spdlog::error("a cut cannot be journalled channel={} reason=\"{}\"", shape_.channel, done.error().message);
  }
  open_.push_back(std::move(open));
  for (auto* listener : listeners_) listener->cutMade(cut);
  for (int t = 0; t < shape_.audioTracks; ++t) finishAudio(t);
  settle();
}

void Packager::video(std::int64_t msn, std::string variant, std::string rung, base::Ticks start, base::Ticks end,
                     base::Result<base::Bytes> segment) {
  boost::asio::post(strand_, [this, msn, variant = std::move(variant), rung = std::move(rung), start, end,
                              segment = std::move(segment)]() mutable {
    doVideo(msn, variant, rung, start, end, std::move(segment));
  });
}

void Packager::doVideo(std::int64_t msn, const std::string& variant, const std::string& rung, base::Ticks start,
                       base::Ticks end, base::Result<base::Bytes> segment) {
  Open* open = find(msn);
  if (open == nullptr) return;
  auto stored = segment ? store(variant, rung, start, end, segment.value()) : base::Result<void>(segment.as_failure());
  if (!stored) {
    if (open->lost.empty()) logLost(shape_.channel, msn, variant, rung, stored.error());
    open->lost.insert(variant);
  }
  open->missing.erase({variant, rung});
  settle();
}

base::Result<void> Packager::store(const std::string& variant, const std::string& rendition, base::Ticks start,
                                   base::Ticks end, base::ByteView bytes, SegmentType type) {
  auto done = window_.putSegment({profile_, variant, rendition}, start, end, bytes, type);
  if (done) {
    counters_.bytes += bytes.size();
  } else {
    ++counters_.writeErrors;
  }
  return done;
}

void Packager::audio(int track, std::int64_t slot, base::SharedBytes frame) {
  boost::asio::post(strand_, [this, track, slot, frame = std::move(frame)]() mutable {
    Track& t = tracks_.at(static_cast<std::size_t>(track));
    if (t.next < 0) t.next = slot;
    t.frames.push_back(std::move(frame));
    if (t.frames.size() > kMaxSlotsWaiting) {
      t.frames.pop_front();
      ++t.next;
    }
    finishAudio(track);
  });
}

void Packager::finishAudio(int track) {
  Track& t = tracks_[static_cast<std::size_t>(track)];
  for (Open& open : open_) {
    if (open.cell.hole || open.cell.msn <= t.msn) continue;
    const std::int64_t first = Grid::audioSlot(open.cell.start);
    while (t.next >= 0 && t.next < first && !t.frames.empty()) {  // before the first cell
      t.frames.pop_front();
      ++t.next;
    }
    if (!open.ended) return;
    const std::int64_t end = Grid::audioSlot(open.cell.end);
    if (t.next < 0 || t.next + static_cast<std::int64_t>(t.frames.size()) < end) return;
    storeAudio(track, open);
    t.msn = open.cell.msn;
    ++open.audioDone;
    settle();
    return finishAudio(track);  // settle() may have taken cells off the front
  }
}

void Packager::storeAudio(int track, Open& open) {
  Track& t = tracks_[static_cast<std::size_t>(track)];
  if (t.next != Grid::audioSlot(open.cell.start)) {  // its first frames are gone: better slate than a gap in the sound
    open.lost.insert(timeline::kBaseVariant);
    while (t.next < Grid::audioSlot(open.cell.end) && !t.frames.empty()) {
      t.frames.pop_front();
      ++t.next;
    }
    return;
  }
  const auto count = static_cast<std::size_t>(Grid::audioSlot(open.cell.end) - t.next);
  std::vector<ByteView> frames;
  frames.reserve(count);
  for (std::size_t i = 0; i < count; ++i) frames.emplace_back(*t.frames[i]);
  auto segment = buildAudioSegment(t.next, frames);
  auto stored =
      segment ? store(timeline::kBaseVariant, audioRendition(track), open.cell.start, open.cell.end, segment.value())
              : base::Result<void>(segment.as_failure());
  if (!stored) {
    if (open.lost.empty())
      logLost(shape_.channel, open.cell.msn, timeline::kBaseVariant, audioRendition(track), stored.error());
    open.lost.insert(timeline::kBaseVariant);
  }
  t.frames.erase(t.frames.begin(), t.frames.begin() + static_cast<std::ptrdiff_t>(count));
  t.next += static_cast<std::int64_t>(count);
}

void Packager::caption(timeline::Caption caption) {
  boost::asio::post(strand_, [this, caption = std::move(caption)]() mutable {
    captions_.push_back(std::move(caption));
    if (captions_.size() > kMaxCaptions) captions_.pop_front();
  });
}

bool Packager::storeCaptions(const timeline::Cell& cell) {
  for (std::size_t track = 0; track < shape_.captionLanguages.size(); ++track) {
    std::vector<timeline::Caption> own;
    for (const auto& caption : captions_) {
      if (caption.track == static_cast<int>(track)) own.push_back(caption);
    }
    const std::string text = vttSegment(cell.start, cell.end, own);
    if (!store(timeline::kBaseVariant, captionRendition(static_cast<int>(track)), cell.start, cell.end,
               base::view(text), SegmentType::kText)) {
      return false;
    }
  }
  while (!captions_.empty() && captions_.front().end < cell.start) captions_.pop_front();
  return true;
}

Packager::Open* Packager::find(std::int64_t msn) {
  const auto it = std::find_if(open_.begin(), open_.end(), [msn](const Open& o) { return o.cell.msn == msn; });
  return it == open_.end() ? nullptr : &*it;
}

// Lists what is whole, in order.
void Packager::settle() {
  while (!open_.empty()) {
    const Open& first = open_.front();
    if (!first.ended || !first.missing.empty() || first.audioDone < shape_.audioTracks) return;
    Open done = std::move(open_.front());
    open_.pop_front();
    if (!list(std::move(done))) return;
  }
}

// False: it is kept and tried again with the next part. Nothing is listed that a crash would make us contradict.
bool Packager::list(Open open) {
  timeline::Cell& cell = open.cell;
  if (open.lost.contains(timeline::kBaseVariant)) cell.hole = true;
  for (std::size_t c = 0; c < cell.variantOfCohort.size(); ++c) {
    std::uint16_t& variant = cell.variantOfCohort[c];
    if (variant != 0 && open.lost.contains(cell.variants[variant])) {
      variant = 0;
      cell.fallbacks.push_back(static_cast<std::uint16_t>(c));
      ++counters_.variantsLost;
    }
  }
  auto shared = std::make_shared<const timeline::Cell>(cell);
  // Captions are listed as files even where slate fills a hole.
  if (!storeCaptions(cell) || !journalCohorts() || !journal_.cell(shared)) {
    ++counters_.writeErrors;
    open_.push_front(std::move(open));
    return false;
  }
  ++counters_.cells;
  if (shared->hole) ++counters_.holes;
  counters_.lastListedMsn = shared->msn;
  counters_.lastListedEnd = shared->end.count();
  for (auto* listener : listeners_) listener->cellFinished(shared);
  const base::Ticks keep{(std::int64_t{shape_.windowSeconds} * 2 + 30) * base::kTicksPerSecond};
  window_.prune(shared->end - keep);
  return true;
}

void Packager::spanAnnounced(timeline::Span span) {
  boost::asio::post(strand_, [this, span = std::move(span)] {
    for (auto* listener : listeners_) listener->spanAnnounced(span);
  });
}

void Packager::spanEnds(std::string id, base::Ticks at) {
  boost::asio::post(strand_, [this, id = std::move(id), at] {
    for (auto* listener : listeners_) listener->spanEnds(id, at);
  });
}

void Packager::cohort(std::size_t index, std::string id) {
  boost::asio::post(strand_, [this, index, id = std::move(id)] {
    cohorts_.emplace_back(index, id);
    if (!journalCohorts()) ++counters_.writeErrors;
  });
}

// False: those that are left are tried again before the next cell, which may name them.
bool Packager::journalCohorts() {
  while (!cohorts_.empty()) {
    if (!journal_.cohort(cohorts_.front().first, cohorts_.front().second)) return false;
    cohorts_.pop_front();
  }
  return true;
}

void Packager::wait() {
  std::promise<void> done;
  boost::asio::post(strand_, [&done] { done.set_value(); });
  done.get_future().wait();
}

}  // namespace dvpe::package
