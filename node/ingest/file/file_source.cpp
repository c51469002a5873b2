// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/ingest/file/file_source.h"

#include <algorithm>

namespace dvpe::ingest {

using base::ErrorCode;
using base::fail;
using base::Ticks;
using media::StreamKind;

namespace {

constexpr auto kAhead = std::chrono::milliseconds(20);  // packets are sent at most this much early
constexpr auto kWait = std::chrono::milliseconds(10);   // when the node is behind

std::int64_t milliseconds(Ticks t) { return (t.count() + base::kTicksPerMillisecond / 2) / base::kTicksPerMillisecond; }

}  // namespace

base::Result<std::unique_ptr<FileSource>> FileSource::open(const std::string& path, const base::Clock& clock) {
  DVPE_TRY(auto demuxer, media::openFile(path));
  std::unique_ptr<FileSource> source(new FileSource(std::move(demuxer), clock));
  int video = 0, audio = 0, text = 0;
  for (const auto& stream : source->demuxer_->streams()) {
    int number = -1;
    if (stream.kind == StreamKind::kVideo && video == 0) {
      if (stream.codec != "h264")
        return fail(ErrorCode::kUnsupported, path + ": its video is " + stream.codec + ", H.264 is expected");
      number = video++;
    } else if (stream.kind == StreamKind::kAudio) {
      if (stream.codec != "aac")
        return fail(ErrorCode::kUnsupported, path + ": an audio track is " + stream.codec + ", AAC is expected");
      number = audio++;
    } else if (stream.kind == StreamKind::kText) {
      number = text++;
    }
    source->track_.push_back(number);
  }
  if (video == 0) return fail(ErrorCode::kUnsupported, path + " has no video");
  return source;
}

void FileSource::start(std::unique_ptr<Publication> publication) {
  publication_ = std::move(publication);
  begin_ = clock_.steady() - std::chrono::milliseconds(ahead_ ? milliseconds(ahead_->dts) : 0);
  formats_ = false;
}

void FileSource::sendFormats() {
  const auto& streams = demuxer_->streams();
  for (std::size_t i = 0; i < streams.size(); ++i) {
    if (track_[i] < 0) continue;
    auto config = std::make_shared<const base::Bytes>(streams[i].config);
    if (streams[i].kind == StreamKind::kVideo) publication_->videoFormat(std::move(config));
    if (streams[i].kind == StreamKind::kAudio)
      publication_->audioFormat(track_[i], streams[i].language, std::move(config));
  }
  formats_ = true;
}

// Brings the next packet into ahead_, beginning the file again at its end.
base::Result<bool> FileSource::next() {
  for (int tries = 0; tries < 2; ++tries) {
    DVPE_TRY(auto packet, demuxer_->read());
    if (packet) {
      if (demuxer_->streams().at(static_cast<std::size_t>(packet->stream)).kind != StreamKind::kText) {
        end_ = std::max(end_, packet->pts + packet->duration);
      }
      packet->pts += offset_;
      packet->dts += offset_;
      if (track_.at(static_cast<std::size_t>(packet->stream)) >= 0 &&
          demuxer_->streams()[static_cast<std::size_t>(packet->stream)].kind == StreamKind::kVideo) {
        // Containers without decode times (Matroska) leave the first ones to be guessed, not always in order.
        packet->dts = lastDts_ = std::max(packet->dts, lastDts_);
      }
      ahead_ = std::move(packet);
      return true;
    }
    if (end_ <= Ticks{0}) return fail(ErrorCode::kInvalidInput, "the file has no packets");
    DVPE_CHECK(demuxer_->rewind());
    offset_ += end_;
    end_ = Ticks{0};
    ++rounds_;
  }
  return fail(ErrorCode::kInvalidInput, "the file cannot be begun again");
}

void FileSource::send(media::DemuxedPacket packet) {
  const auto stream = static_cast<std::size_t>(packet.stream);
  const auto& info = demuxer_->streams()[stream];
  if (track_[stream] < 0) return;
  switch (info.kind) {
    case StreamKind::kVideo: {
      const std::int64_t dts = milliseconds(packet.dts);
      publication_->video(dts, static_cast<std::int32_t>(milliseconds(packet.pts) - dts), packet.key,
                          base::share(std::move(packet.data)), clock_.steady());
      break;
    }
    case StreamKind::kAudio:
      publication_->audio(track_[stream], milliseconds(packet.pts), base::share(std::move(packet.data)));
      break;
    case StreamKind::kText:
      publication_->caption(track_[stream], info.language, milliseconds(packet.pts),
                            milliseconds(packet.pts + packet.duration),
                            std::string(packet.data.begin(), packet.data.end()));
      break;
  }
}

base::Result<std::chrono::milliseconds> FileSource::pump() {
  if (!formats_) sendFormats();
  for (;;) {
    if (!ahead_) DVPE_CHECK(next());
    const auto due = begin_ + std::chrono::milliseconds(milliseconds(ahead_->dts));
    const auto early = std::chrono::duration_cast<std::chrono::milliseconds>(due - clock_.steady());
    if (early > kAhead) return std::min(early - kAhead / 2, std::chrono::milliseconds(500));
    if (!publication_->wantsMore()) return kWait;
    send(std::move(*ahead_));
    ahead_.reset();
  }
}

}  // namespace dvpe::ingest
