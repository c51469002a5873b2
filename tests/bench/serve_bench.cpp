// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// bench_serve FOLDER SESSIONS: the server side of ./dev bench serve. Writes the sessions' playlists to FOLDER/paths,
// one a line, prints {"port":…} and answers the lines "clear" and "report" on its standard input until that ends.
#include <malloc.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iostream>

#include "shared/base/log.h"
#include "shared/model/json.h"
#include "tests/bench/serve_node.h"

namespace {

using namespace dvpe;

// The process's resident memory, in bytes: what top shows, file pages of the session journal included.
long resident() {
  std::ifstream statm("/proc/self/statm");
  long size = 0, pages = 0;
  statm >> size >> pages;
  return pages * ::sysconf(_SC_PAGESIZE);
}

int run(const std::filesystem::path& folder, int sessions) {
  const std::filesystem::path binary(DVPE_BINARY_DIR), source(DVPE_SOURCE_DIR);
  auto loaded = model::loadDocumentsOrFail(source / "resources/demo/documents");
  if (!loaded) {
    std::fprintf(stderr, "bench_serve: %s\n", loaded.error().message.c_str());
    return 1;
  }
  const auto documents = std::make_shared<const model::Documents>(std::move(loaded).value());
  auto made = bench::ServeNode::create({folder, binary / "resources/player", documents, bench::demoViewer});
  if (!made) {
    std::fprintf(stderr, "bench_serve: %s\n", made.error().message.c_str());
    return 1;
  }
  bench::ServeNode& node = *made.value();
  for (int i = 0; i < 24; ++i) node.step();  // the window is full
  const long before = resident();
  auto playlists = node.createSessions(sessions);
  if (!playlists) {
    std::fprintf(stderr, "bench_serve: %s\n", playlists.error().message.c_str());
    return 1;
  }
  std::ofstream paths(folder / "paths");
  for (const auto& p : playlists.value()) paths << p << '\n';
  paths.close();
  std::vector<std::string>().swap(playlists.value());  // the viewers', not the node's
  // Until every cell in the window is of a time when the sessions were there, and a break has been bound for each.
  for (int i = 0; i < 24; ++i) node.step();
  const long after = resident();
  node.play();
  const struct mallinfo2 heap = ::mallinfo2();
  std::printf(
      "{\"port\":%u,\"rss_before\":%ld,\"rss_after\":%ld,\"heap\":%zu,\"sessions\":%zu,\"cohorts\":%zu,\"bound\":%llu,"
      "\"bind_us\":%llu}\n",
      node.port(), before, after, heap.uordblks + heap.hblkhd, node.director().sessions(), node.cohorts(),
      static_cast<unsigned long long>(node.director().counters().bound.load()),
      static_cast<unsigned long long>(node.director().counters().lastBindMicroseconds.load()));
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    auto& times = node.handler().times;
    if (line == "clear") times.clear();
    std::printf("{\"requests\":%llu,\"p50\":%llu,\"p99\":%llu,\"cells\":%lld}\n",
                static_cast<unsigned long long>(times.count()), static_cast<unsigned long long>(times.quantile(0.5)),
                static_cast<unsigned long long>(times.quantile(0.99)), static_cast<long long>(node.cells()));
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: bench_serve FOLDER SESSIONS\n");
    return 2;
  }
  return run(argv[1], std::atoi(argv[2]));
}
