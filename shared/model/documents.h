// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The documents of the design's section 5 as values. JSON <-> value and validation: json.h.
// Ids match [A-Za-z0-9_-]{1,64} and never reach the file system unchecked.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "shared/base/ticks.h"
#include "shared/model/campaigns.h"

namespace dvpe::model {

// Frames per second as an exact ratio, one of 25/1, 30000/1001, 30/1, 50/1, 60000/1001, 60/1.
struct FrameRate {
  int num = 30;
  int den = 1;
  bool operator==(const FrameRate&) const = default;
};

// One size of the ladder. name is the rendition id in URLs ("v720"). bitrates in bits/s.
struct Rung {
  std::string name;
  int width = 0;             // even
  int height = 0;            // even
  std::int64_t bitrate = 0;  // 0: crf rules alone, capped by maxrate
  std::int64_t maxrate = 0;  // vbv-bufsize is half a second of it (law 3)
  std::string preset = "superfast";
  std::string x264;  // more options in x264's own syntax ("crf=23:keyint=250"); may not contradict law 3
  int threads = 1;
};

struct Profile {
  std::string id;
  int revision = 1;
  FrameRate fps;
  std::vector<Rung> rungs;             // highest first
  std::int64_t audioBitrate = 128000;  // AAC-LC, 48 kHz, stereo
};

// A break that the channel's document schedules: each day at this second of the day (UTC), or each `every` seconds.
struct ScheduledBreak {
  int everySeconds = 0;  // > 0: repeats on multiples of this since the epoch, plus offset
  int offsetSeconds = 0;
  int lengthUnits = 30;
};

struct Channel {
  std::string id;
  int revision = 1;
  std::string title;
  std::string profile;     // id of a Profile
  base::WallTime epoch{};  // channel time 0; default 2026-01-01T00:00:00Z
  int windowSeconds = 60;  // length of the live playlist
  int defaultBreakUnits = 30;
  int maxBreakUnits = 120;
  std::string slate;                   // id of a media document; empty: built-in black with silence
  bool takeover = false;               // a second publisher with the key replaces the first
  std::vector<std::string> languages;  // of audio tracks, in track order; empty: one track, "und"
  std::vector<ScheduledBreak> breaks;
  // For these each session holds a pod; another length takes the longest that fits. In units, ascending.
  std::vector<int> breakLengths{15, 30, 60, 90, 120};
  std::string rating;                          // of what is shown, in the words of the country's board ("FSK 12")
  int audienceAge = 18;                        // viewers may be as young as this
  std::vector<std::string> blockedCategories;  // of advertising
  std::vector<std::string> captions;           // languages of caption tracks, in track order
  std::string file;  // a file that is played in real time, looped, instead of a publisher's stream;
                     // relative to the folder of documents
};

// A value of a rule field, an overlay field, a viewer attribute.
using Scalar = std::variant<bool, std::int64_t, double, std::string>;
struct Value;
using List = std::vector<Value>;
using Map = std::map<std::string, Value>;
struct Value {
  std::variant<std::monostate, bool, std::int64_t, double, std::string, std::shared_ptr<const List>,
               std::shared_ptr<const Map>>
      v;
};

// ---- overlays

enum class LayerKind { kImage, kText, kShape };
enum class Anchor { kTopLeft, kTop, kTopRight, kLeft, kCentre, kRight, kBottomLeft, kBottom, kBottomRight };
enum class ShapeKind { kRectangle, kRounded, kEllipse };
enum class AnimationKind { kNone, kFade, kSlideLeft, kSlideRight, kSlideUp, kSlideDown };

struct Animation {
  AnimationKind kind = AnimationKind::kNone;
  int milliseconds = 0;  // rounded to whole frames
};

// Geometry is in thousandths of the picture: 0,0 top left, 1000,1000 bottom right, so that one document fits every
// rung.
struct Layer {
  LayerKind kind = LayerKind::kText;
  std::string name;
  double x = 0, y = 0, width = 0, height = 0;
  double opacity = 1.0;       // 0..1
  std::string text;           // kText: may hold {field} placeholders, {clock}, {countdown}
  std::string font = "sans";  // a product font family: sans, serif, mono
  double size = 50;           // text height in thousandths of the picture's height
  int weight = 400;           // 100..900
  Anchor align = Anchor::kLeft;
  std::string colour = "#ffffffff";  // #rrggbb or #rrggbbaa: text or fill
  std::string image;                 // kImage: asset name, resolved by the document's assets
  ShapeKind shape = ShapeKind::kRectangle;
  double radius = 0;  // kRounded: thousandths of the picture's height
};

// Where a field's value comes from. Domains are finite (at most 64 values) or the programme's.
struct OverlayField {
  std::string name;
  std::vector<std::string> domain;  // allowed values; empty only when programme is true
  bool programme = false;           // clock, countdown, or a value from a programme event
  std::string fallback;
};

struct Overlay {
  std::string id;
  int revision = 1;
  std::vector<OverlayField> fields;
  std::vector<Layer> layers;  // painted in this order
  // Name -> path of a PNG or SVG, relative to the document's folder; "<64 hex>.png": the blob of that digest.
  std::map<std::string, std::string> assets;
  Animation in, out;
};

// ---- rules

// When an overlay is on air or a clip plays.
enum class Trigger { kAlways, kEvent };

struct ShowOverlay {
  std::string overlay;
  std::map<std::string, std::string> values;  // field -> value; "{viewer.country}" takes a viewer's attribute
  Trigger trigger = Trigger::kAlways;
  std::string event;  // kEvent: on air while this programme event is open
};
struct ReplaceSpan {
  std::string event;  // the programme event whose span is replaced
  std::string clip;   // id of a media document
};
struct ChooseAudio {
  std::string language;
};
struct FillBreaks {
  std::vector<std::string> campaigns;
  bool all = false;  // every campaign that does not exclude the channel, after those that are named
};
using Action = std::variant<ShowOverlay, ReplaceSpan, ChooseAudio, FillBreaks>;

struct Rule {
  std::string id;
  std::string when;  // condition text (shared/rules); "true" matches everybody
  std::vector<Action> actions;
  bool lawfulBasis = false;  // the condition may read only fields that are declared with a purpose
  ArmName arm{};
};

// Where a field's values come from; for people, and for what they may ask of it.
enum class FieldSource { kPlatform, kPlayer, kNode, kProfile };
// A field that conditions may name: type, purpose (empty: needs no consent).
enum class FieldType { kBool, kInt, kDouble, kString, kTimestamp, kList, kMap };
struct Field {
  std::string path;  // "viewer.country"
  FieldType type = FieldType::kString;
  std::string purpose;
  std::string campaignPurpose;  // the purpose when a campaign's condition reads it; empty: the same as purpose
  FieldSource source = FieldSource::kPlatform;
  std::vector<Scalar> values{};  // all that it can be, of its type; empty: anything
  // What a node may put into the decision sample of it: its value, of numbers with steps the greatest that is not above
  // it. Nothing is known there of a number below the first.
  bool forecastable = false;
  std::vector<Scalar> steps{};  // of an int or a double, ascending; at most kMaxForecastSteps
};
inline constexpr std::size_t kMaxForecastValues = 64;  // of a forecastable field
inline constexpr std::size_t kMaxForecastSteps = 8;
inline constexpr std::size_t kMaxForecastFields = 32;  // of a ruleset

struct Ruleset {
  std::string id;
  int revision = 1;
  std::string channel;
  std::vector<Field> fields;
  std::vector<Rule> rules;  // highest priority first
};

// Viewers under a name, for segment("id") in the conditions of any ruleset that declares the fields which it reads.
struct Audience {
  std::string id;
  int revision = 1;
  std::string title;
  std::string when;
};

// ---- media

// One of the files of conditioned media.
struct MediaFile {
  std::string digest;  // SHA-256, 64 hexadecimal digits: the blob's name
  std::int64_t bytes = 0;
  bool operator==(const MediaFile&) const = default;
};

// A conditioned file: made by dvpe-node condition. digest names it in URLs (first 16 hex characters).
struct Media {
  std::string id;
  int revision = 1;
  std::string digest;
  std::string profile;
  int units = 0;
  std::string folder;                      // where its files are, absolute; empty: files says it
  std::map<std::string, MediaFile> files;  // by name; of media in releases, which nodes fetch
};

// All documents in force on a node, looked up by id. Immutable once built.
struct Documents {
  std::map<std::string, Profile> profiles;
  std::map<std::string, Channel> channels;
  std::map<std::string, Overlay> overlays;
  std::map<std::string, Ruleset> rulesets;
  std::map<std::string, Audience> audiences;
  std::map<std::string, Campaign> campaigns;
  std::map<std::string, Creative> creatives;
  std::map<std::string, Experiment> experiments;
  std::optional<Monetisation> monetisation;
  std::map<std::string, Media> media;
};

}  // namespace dvpe::model
