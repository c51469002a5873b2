// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#pragma once

#include "node/condition/condition.h"
#include "node/condition/impl/output.h"

namespace dvpe::condition::impl {

// Checks what every way of conditioning starts from, and fills in what is known before the source is opened.
base::Result<ConditionReport> startReport(const std::string& id, const model::Profile& profile,
                                          const std::string& outFolder);

// condition() into a folder that the caller has made and takes away when this fails or never returns.
base::Result<ConditionReport> conditionInto(const ConditionOptions& options, OutputFolder& folder);

}  // namespace dvpe::condition::impl
