// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// dvpe-node people: who may sign in. One admin proposes, another approves, each with password and one-time password;
// the first two are made by the superuser.
#include <boost/json.hpp>

#include "node/main/new_person.h"
#include "node/main/sign_in.h"
#include "shared/database/grants.h"
#include "shared/privacy/secret.h"

namespace dvpe::node {

namespace json = boost::json;
using base::ErrorCode;
using base::fail;
using base::Result;
using database::changeName;
using database::Connection;

namespace {

json::array list(const std::vector<std::string>& names) { return json::array(names.begin(), names.end()); }

// Takes the files of somebody back who was not added. When the answer was lost they may have been: then they stay.
void forget(const base::Error& error, const NewPerson& somebody, const std::string& folder) {
  if (error.code != ErrorCode::kUnavailable) removeSecrets(somebody, folder);
}

// ---- the first two

// In a transaction, in which nobody else adds people.
Result<json::array> addFirst(Connection& c, const std::string& organisation, const std::string& title,
                             const std::vector<NewPerson>& admins) {
  DVPE_CHECK(c.query("LOCK TABLE dvpe.person IN SHARE ROW EXCLUSIVE MODE"));
  DVPE_TRY(const auto there,
           c.query("SELECT 1 FROM dvpe.person p JOIN pg_roles u ON u.rolname = p.login JOIN pg_auth_members m "
                   "ON m.member = u.oid JOIN pg_roles g ON g.oid = m.roleid WHERE g.rolname = 'dvpe_admin' LIMIT 1"));
  if (!there.empty()) return fail(ErrorCode::kConflict, "there are admins already: they add people");
  DVPE_TRY(const auto made, c.query("INSERT INTO dvpe.organisation VALUES ($1, $2, true) ON CONFLICT DO NOTHING",
                                    {organisation, title}));
  if (made.affected() > 0) {
    DVPE_CHECK(c.query("SELECT audit.append('organisation.add', $1, NULL, NULL)", {organisation}));
  }
  json::array out;
  for (const NewPerson& admin : admins) {
    DVPE_TRY(const auto id, c.query("SELECT people.add_person($1, $2, $2, '{admin}', $3, decode($4, 'hex'), "
                                    "ARRAY(SELECT decode(d, 'hex') FROM unnest($5) d))",
                                    {organisation, admin.name, admin.verifier, admin.secret, admin.recovery}));
    DVPE_TRY(const auto found,
             c.query("SELECT login FROM dvpe.person WHERE id = $1::uuid", {std::string(id.text(0, 0))}));
    out.push_back(json::object{{"name", admin.name}, {"login", std::string(found.text(0, 0))}});
  }
  return out;
}

Result<json::array> bootstrap(const Arguments& arguments, Console& console) {
  const std::string organisation = arguments.value("--organisation"), title = arguments.value("--title");
  if (arguments.rest.at(0) == arguments.rest.at(1)) return fail(ErrorCode::kInvalidInput, "two admins have two names");
  DVPE_TRY(auto who, SignIn::open(arguments, console));
  base::SystemRandom random;
  std::vector<NewPerson> admins;
  for (const std::string& name : arguments.rest) {
    DVPE_TRY(auto admin, makePerson(name, random));
    DVPE_CHECK(writeSecrets(admin, arguments.value("--out")));
    admins.push_back(std::move(admin));
  }
  json::array out;
  auto done = who.connection().transaction([&](Connection& c) -> Result<void> {
    DVPE_TRY(out, addFirst(c, organisation, title.empty() ? organisation : title, admins));
    return base::success();
  });
  if (!done) {
    for (const NewPerson& admin : admins) forget(done.error(), admin, arguments.value("--out"));
    return std::move(done).as_failure();
  }
  return out;
}

// ---- proposals

// What the database makes of these arguments is what the grant must name; that it says the same is checked here.
Result<std::string> canonical(Connection& connection, const json::object& args) {
  DVPE_TRY(const auto rows, connection.query("SELECT $1::jsonb::text", {json::serialize(args)}));
  std::string text(rows.text(0, 0));
  json::error_code error;
  if (json::parse(text, error) != args || error) {
    return fail(ErrorCode::kInternal, "the database does not understand what we propose");
  }
  return text;
}

Result<std::string> propose(SignIn& who, const std::string& what, const json::object& args) {
  DVPE_TRY(const std::string text, canonical(who.connection(), args));
  DVPE_TRY(const std::string grant, who.grant({changeName({"propose", what, text})}));
  DVPE_TRY(const auto rows,
           who.connection().query("SELECT people.propose($1, $2::jsonb, $3::uuid)", {what, text, grant}));
  return std::string(rows.text(0, 0));
}

int proposed(const Arguments& arguments, Console& console, const Result<std::string>& id) {
  if (!id) return failed(console, id.error());
  if (arguments.flag("--json")) {
    console.out << json::object{{"proposal", id.value()}} << "\n";
  } else {
    console.out << id.value() << "\n";
  }
  if (!console.quiet) {
    console.err << "Another admin has to approve this: dvpe-node people approve " << id.value() << "\n";
  }
  return kExitOk;
}

// A person by name; the id by which the database knows them.
Result<std::string> personCalled(SignIn& who, const std::string& name) {
  DVPE_TRY(const auto rows,
           who.connection().query(
               "SELECT id FROM people.directory() WHERE kind = 'person' AND $1 IN (name, id::text, login)", {name}));
  if (rows.size() != 1) {
    return fail(rows.empty() ? ErrorCode::kNotFound : ErrorCode::kConflict,
                rows.empty() ? "there is nobody called " + name : name + " is not one person: use the id or the login");
  }
  return std::string(rows.text(0, 0));
}

// Whoever is added gets secrets of their own, in files here: written before they are proposed, removed when that fails.
template <class Propose>
Result<std::string> withSecrets(const Arguments& arguments, const NewPerson& somebody, Propose work) {
  DVPE_CHECK(writeSecrets(somebody, arguments.value("--out")));
  auto id = work();
  if (!id) forget(id.error(), somebody, arguments.value("--out"));
  return id;
}

Result<std::string> proposePerson(const Arguments& arguments, Console& console) {
  DVPE_TRY(auto who, SignIn::open(arguments, console));
  base::SystemRandom random;
  DVPE_TRY(const NewPerson p, makePerson(arguments.rest.at(0), random));
  const std::string fullName = arguments.value("--full-name");
  json::array recovery(p.recovery.begin(), p.recovery.end());
  return withSecrets(arguments, p, [&] {
    return propose(who, "person.add",
                   {{"organisation", arguments.value("--organisation")},
                    {"name", p.name},
                    {"full_name", fullName.empty() ? p.name : fullName},
                    {"roles", list(words(arguments.value("--roles")))},
                    {"verifier", p.verifier},
                    {"secret", p.secret},
                    {"recovery", recovery}});
  });
}

Result<std::string> proposeMachine(const Arguments& arguments, Console& console) {
  DVPE_TRY(auto who, SignIn::open(arguments, console));
  base::SystemRandom random;
  DVPE_TRY(NewPerson m, makePerson(arguments.rest.at(0), random));
  m.secret.clear();  // machines have a password alone
  return withSecrets(arguments, m, [&] {
    return propose(who, "machine.add",
                   {{"organisation", arguments.value("--organisation")},
                    {"name", m.name},
                    {"role", arguments.value("--role")},
                    {"verifier", m.verifier}});
  });
}

Result<std::string> proposeRoles(const Arguments& arguments, Console& console) {
  DVPE_TRY(auto who, SignIn::open(arguments, console));
  DVPE_TRY(const std::string id, personCalled(who, arguments.rest.at(0)));
  return propose(who, "person.roles", {{"person", id}, {"roles", list(words(arguments.value("--roles")))}});
}

Result<std::string> proposeDisable(const Arguments& arguments, Console& console) {
  DVPE_TRY(auto who, SignIn::open(arguments, console));
  DVPE_TRY(const std::string id, personCalled(who, arguments.rest.at(0)));
  return propose(who, "person.disable", {{"person", id}, {"reason", arguments.value("--reason")}});
}

Result<std::string> proposeUnlock(const Arguments& arguments, Console& console) {
  DVPE_TRY(auto who, SignIn::open(arguments, console));
  DVPE_TRY(const std::string id, personCalled(who, arguments.rest.at(0)));
  return propose(who, "person.unlock", {{"person", id}});
}

// The password stays; what opens with it is made anew.
Result<std::string> proposeNewSecret(const Arguments& arguments, Console& console) {
  DVPE_TRY(auto who, SignIn::open(arguments, console));
  DVPE_TRY(const std::string id, personCalled(who, arguments.rest.at(0)));
  base::SystemRandom random;
  DVPE_TRY(NewPerson p, makePerson(arguments.rest.at(0), random));
  p.password.clear();
  return withSecrets(arguments, p, [&] {
    return propose(
        who, "person.new_secret",
        {{"person", id}, {"secret", p.secret}, {"recovery", json::array(p.recovery.begin(), p.recovery.end())}});
  });
}

Result<std::string> proposeOrganisation(const Arguments& arguments, Console& console) {
  DVPE_TRY(auto who, SignIn::open(arguments, console));
  const std::string id = arguments.rest.at(0), title = arguments.value("--title");
  return propose(who, "organisation.add",
                 {{"id", id}, {"title", title.empty() ? id : title}, {"operator", arguments.flag("--operator")}});
}

constexpr const char* kProposals =
    "SELECT id, what, args, proposed_by, proposed_at, decided_by, outcome FROM people.proposals() ";

Result<void> decide(const Arguments& arguments, Console& console, bool approve) {
  DVPE_TRY(auto who, SignIn::open(arguments, console));
  DVPE_TRY(const auto found, who.connection().query(std::string(kProposals) + "WHERE id = $1::uuid AND outcome IS NULL",
                                                    {arguments.rest.at(0)}));
  if (found.empty()) return fail(ErrorCode::kNotFound, "there is no such open proposal");
  const std::string id(found.text(0, 0));
  if (!console.quiet) {  // what is being decided, before the one-time password is typed
    console.err << found.text(0, 3) << " proposes " << found.text(0, 1) << " " << found.text(0, 2) << "\n";
  }
  DVPE_TRY(const std::string grant, who.grant({changeName({"decide", id, approve ? "true" : "false"})}));
  DVPE_CHECK(who.connection().query("SELECT people.decide($1::uuid, $2, $3::uuid)", {id, approve, grant}));
  return base::success();
}

int decided(const Arguments& arguments, Console& console, bool approve) {
  if (const auto done = decide(arguments, console, approve); !done) return failed(console, done.error());
  if (arguments.flag("--json")) {
    console.out << json::object{{"proposal", arguments.rest.at(0)}, {"approved", approve}} << "\n";
  } else if (!console.quiet) {
    console.err << (approve ? "Approved and done.\n" : "Rejected.\n");
  }
  return kExitOk;
}

Result<void> changePassword(const Arguments& arguments, Console& console) {
  DVPE_TRY(std::string fresh, privacy::readSecretFile(arguments.value("--new-password-file"), 1024));
  while (!fresh.empty() && fresh.back() == '\n') fresh.pop_back();
  base::SystemRandom random;
  base::Bytes salt(16);
  random.fill(salt);
  DVPE_TRY(const std::string verifier, database::scramVerifier(fresh, salt));
  DVPE_TRY(auto who, SignIn::open(arguments, console));
  DVPE_TRY(const std::string grant, who.grant({changeName({"person.password", verifier})}));
  DVPE_CHECK(who.connection().query("SELECT people.set_password($1, $2::uuid)", {verifier, grant}));
  return base::success();
}

int print(const Arguments& arguments, Console& console, const std::string& select) {
  auto who = SignIn::open(arguments, console);
  if (!who) return failed(console, who.error());
  const auto printed = printRows(who.value().connection(), select, {}, arguments.flag("--json"), console);
  return printed ? kExitOk : failed(console, printed.error());
}

}  // namespace

int peopleBootstrapCommand(const Arguments& arguments, Console& console) {
  const auto made = bootstrap(arguments, console);
  if (!made) return failed(console, made.error());
  if (arguments.flag("--json")) {
    console.out << json::object{{"organisation", arguments.value("--organisation")}, {"admins", made.value()}} << "\n";
  } else {
    for (const auto& admin : made.value()) {
      console.out << admin.at("name").as_string().c_str() << "\t" << admin.at("login").as_string().c_str() << "\n";
    }
  }
  if (!console.quiet) {
    console.err
        << arguments.value("--out")
        << " has, for each of them, NAME.password, NAME.otpauth (for the authenticator app) and NAME.recovery.\n"
           "Hand each to its owner and delete it here.\n";
  }
  return kExitOk;
}

int peopleListCommand(const Arguments& arguments, Console& console) {
  return print(arguments, console,
               "SELECT kind, name, organisation, array_to_string(roles, ',') AS roles, login, full_name, id, "
               "CASE WHEN disabled_at IS NULL THEN 'enabled' ELSE 'disabled' END AS state FROM people.directory()");
}
int peopleProposalsCommand(const Arguments& arguments, Console& console) {
  return print(arguments, console,
               arguments.flag("--all") ? kProposals : std::string(kProposals) + "WHERE outcome IS NULL");
}
int peopleAddCommand(const Arguments& arguments, Console& console) {
  return proposed(arguments, console, proposePerson(arguments, console));
}
int peopleAddMachineCommand(const Arguments& arguments, Console& console) {
  return proposed(arguments, console, proposeMachine(arguments, console));
}
int peopleAddOrganisationCommand(const Arguments& arguments, Console& console) {
  return proposed(arguments, console, proposeOrganisation(arguments, console));
}
int peopleRolesCommand(const Arguments& arguments, Console& console) {
  return proposed(arguments, console, proposeRoles(arguments, console));
}
int peopleDisableCommand(const Arguments& arguments, Console& console) {
  return proposed(arguments, console, proposeDisable(arguments, console));
}
int peopleUnlockCommand(const Arguments& arguments, Console& console) {
  return proposed(arguments, console, proposeUnlock(arguments, console));
}
int peopleNewSecretCommand(const Arguments& arguments, Console& console) {
  return proposed(arguments, console, proposeNewSecret(arguments, console));
}
int peopleApproveCommand(const Arguments& arguments, Console& console) { return decided(arguments, console, true); }
int peopleRejectCommand(const Arguments& arguments, Console& console) { return decided(arguments, console, false); }
int peoplePasswordCommand(const Arguments& arguments, Console& console) {
  if (const auto done = changePassword(arguments, console); !done) return failed(console, done.error());
  if (arguments.flag("--json")) {
    console.out << json::object{{"changed", true}} << "\n";
  } else if (!console.quiet) {
    console.err << "Your password is the new one.\n";
  }
  return kExitOk;
}

}  // namespace dvpe::node
