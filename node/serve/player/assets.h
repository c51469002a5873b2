// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The reference player's files, read once at start and answered from memory: the page at /watch/{channel}, the rest
// below /player/. Immutable after load: any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "node/serve/http/handler.h"
#include "shared/base/result.h"

namespace dvpe::serve {

class PlayerAssets {
 public:
  // folder: index.html, player.js, player.css, hls.min.js, hls.LICENSE.txt, and for each perhaps a .gz beside it.
  // mediaOrigins: where else than here the page may fetch from ("https://cdn.example"), for its
  // Content-Security-Policy. kNotFound: a file is missing; kLimitExceeded: larger than 4 MiB.
  static base::Result<PlayerAssets> load(const std::string& folder, const std::vector<std::string>& mediaOrigins = {});

  // True: response is set (200 or 304). False: the path is not one of ours. /watch/{channel} is answered for any
  // channel id that is well formed; whether it exists the page finds out.
  bool answer(const Request& request, Response& response) const;

 private:
  struct Asset {
    std::string path;  // without the page's
    std::string_view contentType;
    base::SharedBytes plain;
    base::SharedBytes gzip;  // null: none
    std::string headers;     // Cache-Control, ETag, ...
    std::string etag;        // with its quotes
  };

  std::vector<Asset> assets_;  // [0]: the page
};

}  // namespace dvpe::serve
