// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/intake.h"

#include <pthread.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "shared/base/log.h"

namespace dvpe::node {

namespace asio = boost::asio;

namespace {
constexpr auto kTick = std::chrono::milliseconds(50);
}

class Intake::ChannelInlet final : public timeline::Inlet {
 public:
  ChannelInlet(asio::io_context& context, ingest::Stamper& stamper) : context_(context), stamper_(stamper) {}
  void cueOut(timeline::CueOut cue, std::function<void(base::Result<timeline::Span>)> answer) override {
    asio::post(context_, [this, cue = std::move(cue), answer = std::move(answer)]() mutable {
      answer(stamper_.cueOut(std::move(cue)));
    });
  }
  void cueIn(timeline::CueIn cue, std::function<void(base::Result<base::Ticks>)> answer) override {
    asio::post(context_, [this, cue = std::move(cue), answer = std::move(answer)] { answer(stamper_.cueIn(cue)); });
  }
  void mark(timeline::Mark mark, std::function<void(base::Result<void>)> answer) override {
    asio::post(context_, [this, mark = std::move(mark), answer = std::move(answer)]() mutable {
      answer(stamper_.mark(std::move(mark)));
    });
  }

 private:
  asio::io_context& context_;
  ingest::Stamper& stamper_;
};

struct Intake::Entry {
  Entry(const model::Channel& document, timeline::Grid grid, const base::Clock& clock, Channel& channel,
        asio::io_context& context)
      : id(document.id),
        stamper(document, grid, clock, channel, channel.resume()),
        inlet(context, stamper),
        fileTimer(context) {
    stamper.setBackPressure([&channel] { return channel.busy(); });
  }
  const std::string id;
  ingest::Stamper stamper;
  ChannelInlet inlet;
  std::unique_ptr<ingest::FileSource> file;
  asio::steady_timer fileTimer;
};

struct Intake::Ticker {
  explicit Ticker(asio::io_context& context) : timer(context) {}
  asio::steady_timer timer;
};

Intake::Intake(ingest::StreamKeys keys, const base::Clock& clock) : keys_(std::move(keys)), clock_(clock) {}

Intake::~Intake() { stop(); }

base::Result<void> Intake::add(const model::Channel& document, timeline::Grid grid, Channel& channel,
                               const std::string& file) {
  auto entry = std::make_unique<Entry>(document, grid, clock_, channel, context_);
  if (!file.empty()) {
    DVPE_TRY(entry->file, ingest::FileSource::open(file, clock_));
    DVPE_TRY(auto publication, entry->stamper.open());
    entry->file->start(std::move(publication));
  }
  entries_.push_back(std::move(entry));
  return base::success();
}

// Sends what is due of a channel's file, and again when the next packet is.
void Intake::play(Entry& entry) {
  const auto wait = entry.file->pump();
  if (!wait) {
    spdlog::error("the file cannot be played on channel={} reason=\"{}\"", entry.id, wait.error().message);
    return;
  }
  entry.fileTimer.expires_after(wait.value());
  entry.fileTimer.async_wait([this, &entry](boost::system::error_code error) {
    if (!error) play(entry);
  });
}

void Intake::setKeys(ingest::StreamKeys keys) {
  asio::post(context_, [this, keys = std::move(keys)]() mutable { keys_ = std::move(keys); });
}

void Intake::restart(std::size_t channel) {
  asio::post(context_, [&entry = *entries_.at(channel)] {
    spdlog::warn("the channel begins anew channel={}", entry.id);
    entry.stamper.restart();
    if (!entry.file) return;
    if (auto publication = entry.stamper.open()) entry.file->start(std::move(publication).value());
  });
}

timeline::Inlet& Intake::inlet(std::size_t channel) { return entries_.at(channel)->inlet; }
const ingest::Stamper& Intake::stamper(std::size_t channel) const { return entries_.at(channel)->stamper; }

base::Result<void> Intake::start(ingest::RtmpOptions rtmp) {
  server_ = std::make_unique<ingest::RtmpServer>(context_, std::move(rtmp), *this);
  DVPE_CHECK(server_->start());
  ticker_ = std::make_unique<Ticker>(context_);
  tick();
  for (const auto& entry : entries_) {
    if (entry->file) asio::post(context_, [this, e = entry.get()] { play(*e); });
  }
  thread_ = std::thread([this] {
    ::pthread_setname_np(::pthread_self(), "ingest");
    context_.run();
  });
  return base::success();
}

void Intake::tick() {
  ticker_->timer.expires_after(kTick);
  ticker_->timer.async_wait([this](boost::system::error_code error) {
    if (error) return;
    for (const auto& entry : entries_) entry->stamper.tick();
    tick();
  });
}

void Intake::stop() {
  if (!thread_.joinable()) return;
  server_->stop();
  asio::post(context_, [this] { ticker_->timer.cancel(); });
  // Publishers get a second to hear why; then the loop ends with whatever is left.
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  while (server_->counters().connections > 0 && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  context_.stop();
  thread_.join();
  server_.reset();
}

base::Result<std::unique_ptr<ingest::Publication>> Intake::open(std::string_view streamKey, std::string_view protocol) {
  const auto id = keys_.channelOf(streamKey);
  if (!id) return base::fail(base::ErrorCode::kRefused, "the stream key is not known");
  for (const auto& entry : entries_) {
    if (entry->id != *id) continue;
    auto publication = entry->stamper.open();
    if (publication) spdlog::info("publisher accepted channel={} protocol={}", *id, protocol);
    return publication;
  }
  return base::fail(base::ErrorCode::kNotFound, "the stream key's channel is not on this node");
}

}  // namespace dvpe::node
