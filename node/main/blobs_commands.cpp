// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// dvpe-node blobs put|get|list|drop: files in the database, by their digest.
#include <boost/json.hpp>

#include "node/main/sign_in.h"
#include "shared/database/blobs.h"
#include "shared/database/grants.h"

namespace dvpe::node {

int blobsPutCommand(const Arguments& arguments, Console& console) {
  auto who = SignIn::open(arguments, console);
  if (!who) return failed(console, who.error());
  const std::string type = arguments.value("--media-type");
  const auto digest = database::putBlob(who.value().connection(), arguments.rest.at(0),
                                        type.empty() ? "application/octet-stream" : type);
  if (!digest) return failed(console, digest.error());
  if (arguments.flag("--json")) {
    console.out << boost::json::object{{"digest", digest.value()}} << "\n";
  } else {
    console.out << digest.value() << "\n";
  }
  return kExitOk;
}

int blobsGetCommand(const Arguments& arguments, Console& console) {
  auto who = SignIn::open(arguments, console);
  if (!who) return failed(console, who.error());
  const std::string& digest = arguments.rest.at(0);
  const std::string out = arguments.value("--out");
  const auto fetched = database::fetchBlob(who.value().connection(), digest, out);
  if (!fetched) return failed(console, fetched.error());
  if (arguments.flag("--json")) {
    console.out << boost::json::object{{"digest", digest}, {"file", out}} << "\n";
  } else if (!console.quiet) {
    console.err << out << " is here, and has this digest.\n";
  }
  return kExitOk;
}

int blobsListCommand(const Arguments& arguments, Console& console) {
  auto who = SignIn::open(arguments, console);
  if (!who) return failed(console, who.error());
  const auto printed = printRows(
      who.value().connection(),
      "SELECT encode(digest, 'hex') AS digest, bytes, media_type, organisation, created_at, "
      "CASE WHEN complete_at IS NULL THEN 'incomplete' ELSE 'complete' END AS state FROM dvpe.blob ORDER BY created_at",
      {}, arguments.flag("--json"), console);
  return printed ? kExitOk : failed(console, printed.error());
}

namespace {

base::Result<void> drop(const Arguments& arguments, Console& console, const std::string& digest) {
  DVPE_TRY(auto who, SignIn::open(arguments, console));
  DVPE_TRY(const std::string grant, who.grant({database::changeName({"blob.drop", digest})}));
  DVPE_CHECK(who.connection().query("SELECT registry.drop_blob(decode($1, 'hex'), $2::uuid)", {digest, grant}));
  return base::success();
}

}  // namespace

int blobsDropCommand(const Arguments& arguments, Console& console) {
  const std::string& digest = arguments.rest.at(0);
  if (const auto done = drop(arguments, console, digest); !done) return failed(console, done.error());
  if (arguments.flag("--json")) {
    console.out << boost::json::object{{"dropped", digest}} << "\n";
  } else if (!console.quiet) {
    console.err << "Your organisation's copy of " << digest << " is deleted.\n";
  }
  return kExitOk;
}

}  // namespace dvpe::node
