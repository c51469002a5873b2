// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/serve/http/impl/outbox.h"

#include <utility>

#include "node/serve/http/impl/connection.h"

namespace dvpe::serve {

Outbox::Outbox() = default;
Outbox::~Outbox() = default;

Outbox::Answer& Outbox::add() {
  if (waiting_ == answers_.size()) send();
  return answers_[waiting_++];
}

void Outbox::close() {
  open_ = false;
  send();
}

void Outbox::send() {
  const std::size_t waiting = std::exchange(waiting_, 0);
  for (std::size_t i = 0; i < waiting; ++i) {
    const auto connection = std::move(answers_[i].connection);
    connection->sendQueued(answers_[i]);
    answers_[i].response.shared.reset();
  }
}

}  // namespace dvpe::serve
