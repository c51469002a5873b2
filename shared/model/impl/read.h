// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The bodies of documents, kind by kind.
#pragma once

#include "shared/model/reader.h"

namespace dvpe::model::impl {

// body -> document. Each notes its mistakes.
void readProfile(ObjectReader& body, Profile& out);
void readChannel(ObjectReader& body, Channel& out);
void readOverlay(ObjectReader& body, Overlay& out);
void readRuleset(ObjectReader& body, Ruleset& out);
void readAudience(ObjectReader& body, Audience& out);
void readCampaign(ObjectReader& body, Campaign& out);
void readCreative(ObjectReader& body, Creative& out);
void readExperiment(ObjectReader& body, Experiment& out);
void readMonetisation(ObjectReader& body, Monetisation& out);
// {"experiment": ..., "arm": ...}
void readArmName(ObjectReader& reader, ArmName& out);
void readMedia(ObjectReader& body, Media& out);

}  // namespace dvpe::model::impl
