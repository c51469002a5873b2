// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Answers of one pass over the sockets that are ready, sent when the pass is over. A send runs through the kernel's
// whole TCP path and leaves none of our code or tables in the caches: requests that are answered side by side find them
// warm (as packet processors do with vectors of packets).
#pragma once

#include <array>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <string>

#include "node/serve/http/handler.h"
#include "node/serve/http/impl/head_writer.h"

namespace dvpe::serve {

class Connection;

// On the loop's thread. Keeps its buffers.
class Outbox {
 public:
  struct Answer {
    boost::intrusive_ptr<Connection> connection;
    std::string head;
    Response response;
    ByteRange body;  // of the response's body
  };

  Outbox();
  ~Outbox();
  // Between open() and close() answers may wait here; close() sends them.
  void open() { open_ = true; }
  void close();
  bool isOpen() const { return open_; }
  // Room for one answer more; sends what waits when there is none. Fill in all of it.
  Answer& add();

 private:
  static constexpr std::size_t kAnswers = 16;  // with their bodies well within a core's own cache
  void send();

  std::array<Answer, kAnswers> answers_;
  std::size_t waiting_ = 0;
  bool open_ = false;
};

}  // namespace dvpe::serve
