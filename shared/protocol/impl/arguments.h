// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// How the arguments of each command are read.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shared/model/reader.h"
#include "shared/protocol/command.h"

namespace dvpe::protocol::impl {

// Notes every mistake with its place.
using ArgumentsReader = Arguments (*)(model::ObjectReader& in);

// nullptr: there is no such command.
ArgumentsReader argumentsReader(std::string_view command);

// The channels that a command names.
std::vector<std::string> channelsOf(const Arguments& arguments);

}  // namespace dvpe::protocol::impl
