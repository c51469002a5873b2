// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/serve/player/assets.h"

#include <algorithm>
#include <fstream>
#include <iterator>

namespace dvpe::serve {
namespace {

using base::ErrorCode;
using base::fail;

constexpr std::size_t kMostBytes = 4 * 1024 * 1024;
constexpr std::string_view kWatch = "/watch/";

struct Known {
  const char* file;
  std::string_view contentType;
};

constexpr Known kFiles[] = {
    {"index.html", "text/html; charset=utf-8"},       {"player.js", "text/javascript; charset=utf-8"},
    {"events.js", "text/javascript; charset=utf-8"},  {"feedback.js", "text/javascript; charset=utf-8"},
    {"player.css", "text/css; charset=utf-8"},        {"hls.min.js", "text/javascript; charset=utf-8"},
    {"hls.LICENSE.txt", "text/plain; charset=utf-8"},
};

base::Result<base::SharedBytes> read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(ErrorCode::kNotFound, "cannot read " + path);
  base::Bytes bytes;
  char block[64 * 1024];
  while (in.read(block, sizeof block), in.gcount() > 0) {
    bytes.insert(bytes.end(), block, block + in.gcount());
    if (bytes.size() > kMostBytes) return fail(ErrorCode::kLimitExceeded, "too large: " + path);
  }
  return base::share(std::move(bytes));
}

// hls.js makes its worker, and the media source, from blobs.
std::string policy(const std::vector<std::string>& mediaOrigins) {
  std::string origins = "'self'";
  for (const std::string& o : mediaOrigins) origins.append(" ").append(o);
  return "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
         "connect-src " +
         origins + "; media-src " + origins +
         " blob:; worker-src 'self' blob:; base-uri 'none'; "
         "form-action 'none'; frame-ancestors 'self'\r\n";
}

bool isChannel(std::string_view id) {
  const auto known = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), known);
}

// Accept-Encoding names gzip and does not weigh it with nothing (RFC 9110, 12.5.3).
bool acceptsGzip(std::string_view field) {
  const std::size_t at = field.find("gzip");
  if (at == std::string_view::npos) return false;
  const std::string_view rest = field.substr(at + 4, field.find(',', at) - at - 4);
  return rest.find("q=0") == std::string_view::npos || rest.find("q=0.") != std::string_view::npos;
}

}  // namespace

base::Result<PlayerAssets> PlayerAssets::load(const std::string& folder, const std::vector<std::string>& mediaOrigins) {
  for (const std::string& o : mediaOrigins) {
    if (o.find_first_of(" ;,\r\n\t'\"") != std::string::npos || o.find("://") == std::string::npos)
      return fail(ErrorCode::kInvalidInput, "not an origin: " + o);
  }
  PlayerAssets out;
  for (const Known& known : kFiles) {
    Asset a;
    const std::string path = folder + "/" + known.file;
    DVPE_TRY(a.plain, read(path));
    if (auto packed = read(path + ".gz")) a.gzip = std::move(packed).value();
    a.path = std::string("/player/") + known.file;
    a.contentType = known.contentType;
    a.etag = "\"" + base::sha256(*a.plain).substr(0, 20) + "\"";
    a.headers = "Cache-Control: no-cache\r\nETag: " + a.etag + "\r\n";
    if (a.gzip) a.headers += "Vary: Accept-Encoding\r\n";
    if (out.assets_.empty()) a.headers += policy(mediaOrigins);
    out.assets_.push_back(std::move(a));
  }
  return out;
}

bool PlayerAssets::answer(const Request& request, Response& response) const {
  const Asset* found = nullptr;
  if (request.path.starts_with(kWatch)) {
    if (isChannel(request.path.substr(kWatch.size()))) found = &assets_.front();
  } else {
    for (const Asset& a : assets_) {
      if (a.path == request.path && &a != &assets_.front()) found = &a;
    }
  }
  if (found == nullptr) return false;
  response.contentType = found->contentType;
  response.headers = found->headers;
  if (request.ifNoneMatch.find(found->etag) != std::string_view::npos || request.ifNoneMatch == "*") {
    response.status = 304;
    return true;
  }
  const bool packed = found->gzip && acceptsGzip(request.acceptEncoding);
  if (packed) response.headers += "Content-Encoding: gzip\r\n";
  response.shared = packed ? found->gzip : found->plain;
  return true;
}

}  // namespace dvpe::serve
