// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/database/check.h"

namespace dvpe::database {

namespace {

struct Question {
  const char* what;
  const char* sql;  // gives the names of what is loose, one a row
};

// Our schemas, and our roles that nobody may log in as.
#define OURS "('dvpe', 'session', 'people', 'registry', 'audit', 'events', 'analytics', 'crypto', 'public')"
#define INNER                                                                                                        \
  "('dvpe_owner', 'dvpe_clock', 'dvpe_verifiers', 'dvpe_identity', 'dvpe_logins', 'dvpe_registry', 'dvpe_auditor', " \
  "'dvpe_library', 'dvpe_warden', 'dvpe_privacy', 'dvpe_events', 'dvpe_analytics', 'dvpe_audience')"

constexpr Question kQuestions[] = {
    {"tables without row security that is enabled and forced",
     "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
     "WHERE c.relkind IN ('r', 'p') AND n.nspname IN " OURS " AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"},
    {"tables that do not belong to dvpe_owner",
     "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
     "WHERE c.relkind IN ('r', 'p') AND n.nspname = 'dvpe' AND pg_get_userbyid(c.relowner) <> 'dvpe_owner'"},
    {"views that show what their owner may see",
     "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
     "WHERE c.relkind IN ('v', 'm') AND n.nspname IN " OURS
     " AND NOT coalesce('security_invoker=true' = ANY (c.reloptions), false)"},
    {"functions that everybody may execute",
     "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
     "WHERE n.nspname IN " OURS " AND has_function_privilege('public', p.oid, 'EXECUTE')"},
    {"functions with a search path that their caller chooses",
     "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
     "WHERE n.nspname IN ('dvpe', 'session', 'people', 'registry', 'audit', 'events', 'analytics') "
     "AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)"},
    {"functions that run as somebody who may do more than they need",
     "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
     "WHERE n.nspname IN ('dvpe', 'session', 'people', 'registry', 'audit', 'events', 'analytics') AND p.prosecdef "
     "AND pg_get_userbyid(p.proowner) NOT IN " INNER},
    {"rights on tables that belong to functions alone",
     "SELECT r.rolname || ' on ' || c.oid::regclass FROM pg_roles r CROSS JOIN pg_class c "
     "WHERE c.relnamespace = 'dvpe'::regnamespace AND c.relkind IN ('r', 'p') AND NOT r.rolsuper "
     "AND r.rolname NOT LIKE 'pg\\_%' AND r.rolname NOT IN " INNER
     " AND has_table_privilege(r.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')"},
    {"roles of ours that somebody can log in as",
     "SELECT rolname FROM pg_roles WHERE rolname LIKE 'dvpe\\_%' AND rolcanlogin"},
    {"members of roles that have none",
     "SELECT u.rolname || ' of ' || g.rolname FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid "
     "JOIN pg_roles u ON u.oid = m.member WHERE g.rolname IN " INNER},
    {"roles of ours that the server favours",
     "SELECT rolname FROM pg_roles WHERE (rolname LIKE 'dvpe\\_%' OR pg_has_role(oid, 'dvpe_person', 'MEMBER') "
     "OR pg_has_role(oid, 'dvpe_machine', 'MEMBER')) AND (rolsuper OR rolbypassrls OR rolreplication OR rolcreatedb "
     "OR (rolcreaterole AND rolname <> 'dvpe_logins')) AND oid <> 10 "
     "AND rolname NOT IN (SELECT rolname FROM pg_roles WHERE rolsuper AND rolname NOT LIKE 'dvpe\\_%')"},
    {"logins without a limit of connections",
     "SELECT rolname FROM pg_roles WHERE rolcanlogin AND NOT rolsuper AND rolconnlimit < 0 "
     "AND (pg_has_role(oid, 'dvpe_person', 'MEMBER') OR pg_has_role(oid, 'dvpe_machine', 'MEMBER'))"},
    {"members of the server's own roles",
     "SELECT u.rolname || ' of ' || g.rolname FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid "
     "JOIN pg_roles u ON u.oid = m.member WHERE g.rolname LIKE 'pg\\_%' AND NOT u.rolname LIKE 'pg\\_%' "
     "AND (u.rolname, g.rolname) NOT IN (('dvpe_clock', 'pg_read_all_stats'), ('dvpe_warden', 'pg_read_all_stats'), "
     "('dvpe_warden', 'pg_signal_backend'))"},
    {"rights of everybody on the database",
     "SELECT 'CONNECT or TEMP' WHERE has_database_privilege('public', current_database(), 'CONNECT, TEMP')"},
    {"rights of everybody on schemas",
     "SELECT nspname::text FROM pg_namespace WHERE nspname IN " OURS
     " AND (has_schema_privilege('public', oid, 'USAGE') OR has_schema_privilege('public', oid, 'CREATE'))"},
    {"a server that writes values into its log",
     "SELECT name FROM pg_settings WHERE (name = 'log_statement' AND setting <> 'none') "
     "OR (name IN ('log_parameter_max_length', 'log_parameter_max_length_on_error') AND setting <> '0')"},
    {"passwords that are not kept as SCRAM verifiers",
     "SELECT name FROM pg_settings WHERE name = 'password_encryption' AND setting <> 'scram-sha-256'"},
};

#undef OURS
#undef INNER

}  // namespace

base::Result<Strictness> checkStrictness(Connection& connection) {
  Strictness out;
  for (const Question& question : kQuestions) {
    DVPE_TRY(const auto rows, connection.query(question.sql));
    if (rows.empty()) continue;
    std::string objects;
    for (std::size_t i = 0; i < rows.size() && objects.size() < 2000; ++i) {
      objects += (i == 0 ? "" : ", ") + std::string(rows.text(i, 0));
    }
    out.loose.push_back({question.what, std::move(objects)});
  }
  DVPE_TRY(const auto members,
           connection.query(
               "SELECT g.rolname || ': ' || string_agg(u.rolname, ', ' ORDER BY u.rolname) FROM pg_auth_members m "
               "JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles u ON u.oid = m.member "
               "WHERE g.rolname LIKE 'pg\\_%' GROUP BY g.rolname ORDER BY 1"));
  for (std::size_t i = 0; i < members.size(); ++i) out.serverRoles.emplace_back(members.text(i, 0));
  return out;
}

base::Result<Connection> openStrict(const ConnectOptions& options) {
  DVPE_TRY(auto opened, Connection::open(options));
  DVPE_TRY(const auto strictness, checkStrictness(opened));
  if (strictness.loose.empty()) return opened;
  const Looseness& first = strictness.loose.front();
  return base::fail(base::ErrorCode::kRefused, "somebody has loosened the database: " + first.what + " (" +
                                                   first.objects + "); dvpe-node db check tells all");
}

}  // namespace dvpe::database
