#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""The ways into a database of this kind, each tried twice: on ours, where it must fail, and on a copy that has been
loosened on purpose in just that place, where it must succeed, so that a test which cannot fail is noticed.

Attackers are people of the test's town with their own logins, over TCP, TLS and SCRAM with plain psql.
"""
from __future__ import annotations

import concurrent.futures
import copy
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
import people  # noqa: E402
from people import change, quoted  # noqa: E402

ZERO = "0" * 64


class Traps(people.Town, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for who, owner in (("adam", "shop"), ("bert", "bank")):
            text = people.document("campaign", "summer", 1, owner)
            cls.server.ask(f"INSERT INTO dvpe.revision (organisation, kind, document, revision, digest, contents, key, signature) "
                           f"VALUES ('{owner}', 'campaign', 'summer', 1, sha256({quoted(text)}), {quoted(text)}, '{'a' * 16}', '\\x{'00' * 64}')")

    def trap(self, attempt, loosen: str, tighten: str = "", seen: str = "") -> None:
        """attempt(who): who('adam') is that person on the database under attack; true when the attack succeeds.

        seen: what `dvpe-node db check` says of the loosened one; "": it cannot tell, the place is inside a function.
        """
        self.assertFalse(attempt(lambda name: getattr(self, name)), "our database let it through")
        self.server.ask("CREATE DATABASE loose TEMPLATE dvpe", database="postgres")
        try:
            # The copy has the owner's rights, not the template's: those on the database itself are not copied.
            self.server.ask("REVOKE ALL ON DATABASE loose FROM PUBLIC; GRANT CONNECT ON DATABASE loose TO dvpe_person, dvpe_machine;\n"
                            + loosen, database="loose")

            def there(name):
                who = copy.copy(getattr(self, name))
                who.database = "loose"
                return who

            self.assertTrue(attempt(there), "the loosened database stopped it too: the test proves nothing")
            found = json.loads(self.node_program("db", "check", "--json", database="loose", codes=(0, 1)))["loose"]
            if seen:
                self.assertIn(seen, [place["what"] for place in found])
        finally:
            if tighten:
                self.server.ask(tighten, database="loose")
            self.server.ask("DROP DATABASE loose WITH (FORCE)", database="postgres")

    def test_ours_is_strict(self):
        found = json.loads(self.node_program("db", "check", "--json"))
        self.assertEqual((found["strict"], found["loose"]), (True, []))
        self.assertIn("pg_read_all_stats: dvpe_clock, dvpe_warden, pg_monitor", found["serverRoles"])

    def test_rows_of_another_organisation(self):
        self.trap(lambda who: who("adam").as_proved("SELECT count(*) FROM dvpe.revision WHERE organisation = 'bank'") != "0",
                  "ALTER TABLE dvpe.revision DISABLE ROW LEVEL SECURITY",
                  seen="tables without row security that is enabled and forced")

    def test_the_owner_who_skips_row_security(self):
        self.trap(lambda who: self.server.ask("SET ROLE dvpe_owner; SELECT count(*) FROM dvpe.revision",
                                              database=who("adam").database) != "0",
                  "ALTER TABLE dvpe.revision NO FORCE ROW LEVEL SECURITY",
                  seen="tables without row security that is enabled and forced")

    def test_a_setting_of_ones_own_as_identity(self):
        self.trap(lambda who: who("adam").as_proved("SET app.organisation = 'bank'; SELECT count(*) FROM dvpe.revision "
                                                    "WHERE organisation = 'bank'") != "0",
                  "CREATE POLICY setting ON dvpe.revision FOR SELECT TO dvpe_person "
                  "USING (organisation = current_setting('app.organisation', true))")

    def test_a_view_with_its_owners_eyes(self):
        def attempt(who):
            if self.server.ask("SELECT to_regclass('dvpe.everything') IS NULL", database=who("adam").database) == "t":
                # Ours has no view at all; none may come without security_invoker.
                return self.server.ask("SELECT count(*) FROM pg_class WHERE relkind = 'v' AND relnamespace = 'dvpe'::regnamespace AND NOT "
                                       "coalesce('security_invoker=true' = ANY (reloptions), false)") != "0"
            return who("adam").as_proved("SELECT count(*) FROM dvpe.everything WHERE organisation = 'bank'") != "0"

        self.trap(attempt, "CREATE VIEW dvpe.everything AS SELECT * FROM dvpe.revision; GRANT SELECT ON dvpe.everything TO dvpe_person",
                  seen="views that show what their owner may see")

    def test_a_role_that_is_borrowed(self):
        self.trap(lambda who: who("cleo").try_sql("SET ROLE dvpe_identity; SELECT count(*) FROM dvpe.one_time")[0] == 0,
                  f"GRANT dvpe_identity TO {self.cleo.login}", f"REVOKE dvpe_identity FROM {self.cleo.login}",
                  seen="members of roles that have none")

    def test_a_function_that_everybody_may_execute(self):
        victim = self.server.ask("SELECT id FROM dvpe.person WHERE name = 'olga'")
        self.trap(lambda who: who("adam").try_sql(f"SELECT session.check_code('{victim}', '000000')")[0] == 0,
                  "GRANT EXECUTE ON FUNCTION session.check_code(uuid, text) TO PUBLIC",
                  seen="functions that everybody may execute")

    def test_a_shadow_in_the_temporary_schema(self):
        """session.organisation(), found before ours because of a search path that the caller chooses."""
        shadow = ("CREATE TEMP TABLE person (id uuid, login name, organisation text);\n"
                  "INSERT INTO person VALUES (gen_random_uuid(), session_user, 'bank');\n"
                  "SET search_path = pg_temp, dvpe;\nSELECT session.organisation();\n")

        def attempt(who):
            code, out, _ = who("adam").try_sql(who("adam").prove() + shadow)
            return code == 0 and "bank" in out

        self.trap(attempt, "GRANT TEMP ON DATABASE loose TO PUBLIC;\nSET check_function_bodies = off;\n"
                  "CREATE OR REPLACE FUNCTION session.organisation() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER\n"
                  "AS $$ SELECT organisation FROM person WHERE login = session_user $$;\n"
                  "ALTER FUNCTION session.organisation() OWNER TO postgres",
                  seen="functions with a search path that their caller chooses")

    def test_a_name_that_is_taken_elsewhere(self):
        """An error that tells that another advertiser has a document of this name."""
        save = "SELECT registry.save_draft('campaign', 'winter', '{}', 0, 0)"

        def attempt(who):
            who("bert").as_proved(save)
            return who("adam").as_proved(save) == ""  # NULL: taken

        self.trap(attempt, "DELETE FROM dvpe.draft; CREATE UNIQUE INDEX everywhere ON dvpe.draft (kind, document)")

    def test_a_file_that_somebody_else_has(self):
        """An answer that tells that another organisation has just this file."""
        digest = "7" * 64

        def attempt(who):
            begin = f"SELECT registry.begin_blob('\\x{digest}', 9, 'video/mp4')"
            who("bert").as_proved(begin)
            return who("adam").try_sql(who("adam").prove() + begin)[0] != 0  # an error: taken

        self.trap(attempt, "DELETE FROM dvpe.blob; CREATE UNIQUE INDEX everywhere ON dvpe.blob (digest)")

    def test_emptying_and_referring_to_tables(self):
        self.trap(lambda who: who("adam").try_sql("TRUNCATE dvpe.review")[0] == 0, "GRANT TRUNCATE ON dvpe.review TO dvpe_person",
                  seen="rights on tables that belong to functions alone")
        self.trap(lambda who: who("ada").try_sql(who("ada").prove() + "UPDATE dvpe.audit_entry SET what = 'nothing'")[0] == 0,
                  "GRANT UPDATE ON dvpe.audit_entry TO dvpe_admin",
                  seen="rights on tables that belong to functions alone")

    def test_an_old_connection(self):
        def attempt(who):
            person = who("ben")
            answer = person.sql(f"SELECT pg_sleep(10.2);\nSELECT status FROM session.begin_action(ARRAY['{ZERO}'], '{person.code()}')")
            return answer.split()[-1] == "ok"

        # As it happens when the definer may not read backend_start and NULL is taken for "no objection".
        source = self.server.ask("SELECT pg_get_functiondef('session.begin_action'::regproc)")
        loose = source.replace("(clock_timestamp() - session.started() < interval '10 seconds') IS NOT TRUE",
                               "NOT (clock_timestamp() - session.started() < interval '10 seconds')")
        self.assertNotEqual(source, loose)
        self.trap(attempt, "REVOKE pg_read_all_stats FROM dvpe_clock;\n" + loose, "GRANT pg_read_all_stats TO dvpe_clock")

    def test_a_clock_that_cannot_be_read(self):
        """Without its right to read when connections began nobody gets a grant: it fails closed."""
        self.server.ask("REVOKE pg_read_all_stats FROM dvpe_clock")
        try:
            self.assertEqual(self.ben.sql("SELECT status FROM session.begin_action(ARRAY['%s'], '%s')" % (ZERO, self.ben.code())), "stale")
            self.assertEqual(self.ben.sql(f"SELECT session.prove('{self.ben.code()}')"), "disabled")
        finally:
            self.server.ask("GRANT pg_read_all_stats TO dvpe_clock")

    def test_a_count_of_failures_that_an_error_takes_back(self):
        def attempt(who):
            person = who("dina")
            good = person.code()
            for n in range(6):
                person.try_sql(f"SELECT session.prove('{'000000' if good != '000000' else '000001'}')")
            opened = person.try_sql(f"SELECT session.prove('{person.code()}')")[1] == "ok"
            self.server.ask("UPDATE dvpe.one_time SET failures = 0, locked_at = NULL", database=person.database)
            return opened

        source = self.server.ask("SELECT pg_get_functiondef('session.prove'::regproc)")
        loose = source.replace("  RETURN result;", "  IF result <> 'ok' THEN RAISE EXCEPTION 'wrong'; END IF;\n  RETURN result;")
        self.assertNotEqual(source, loose)
        self.trap(attempt, loose)

    def test_a_one_time_password_that_is_used_again(self):
        def attempt(who):
            code = who("dina").code()
            return who("dina").sql(f"SELECT session.prove('{code}'); SELECT session.prove('{code}')").split() == ["ok", "ok"]

        source = self.server.ask("SELECT pg_get_functiondef('session.check_code'::regproc)")
        self.assertIn("s > o.last_step AND ", source)
        self.trap(attempt, source.replace("s > o.last_step AND ", ""))

    def test_a_password_that_was_changed_behind_our_back(self):
        def attempt(who):
            person = who("olga")
            secret = "the attackers own choice"
            person.sql(f"ALTER ROLE {person.login} PASSWORD {quoted(people.scram_verifier(secret))}")
            person.password, before = secret, person.password
            status = person.sql(f"SELECT status FROM session.begin_action(ARRAY['{ZERO}'], '{person.code()}')")
            person.password = before
            self.server.ask(f"ALTER ROLE {person.login} PASSWORD {quoted(person.verifier)};"
                            "UPDATE dvpe.person SET disabled_at = NULL, disabled_for = NULL WHERE name = 'olga'", database=person.database)
            return status == "ok"

        source = self.server.ask("SELECT pg_get_functiondef('session.begin_action'::regproc)")
        loose = source.replace("(people.verifier_digest(p.login) = p.verifier_digest) IS NOT TRUE", "false")
        self.assertNotEqual(source, loose)
        self.trap(attempt, loose)

    def test_a_grant_that_a_hundred_use(self):
        """Five connections, twenty tries each, at once; one may win."""
        person_id = self.server.ask("SELECT id FROM dvpe.person WHERE name = 'dina'")
        args = '{"person": "%s", "roles": ["creator"]}' % person_id
        canonical = self.server.ask(f"SELECT {quoted(args)}::jsonb::text")

        def attempt(who):
            ben = who("ben")
            grant = ben.sql(ben.with_grant([change("propose", "person.roles", canonical)], "SELECT :'grant'"))
            one = (f"DO $$ BEGIN PERFORM people.propose('person.roles', {quoted(args)}, '{grant}'); EXCEPTION WHEN insufficient_privilege "
                   "THEN NULL; END $$;\n")
            before = int(self.server.ask("SELECT count(*) FROM dvpe.proposal", database=ben.database))
            with concurrent.futures.ThreadPoolExecutor(5) as pool:
                for t in [pool.submit(ben.try_sql, ben.prove() + one * 20) for _ in range(5)]:
                    t.result()
            return int(self.server.ask("SELECT count(*) FROM dvpe.proposal", database=ben.database)) - before != 1

        source = self.server.ask("SELECT pg_get_functiondef('session.use_grant'::regproc)")
        self.assertIn(" AND c.used_at IS NULL", source)
        self.trap(attempt, source.replace(" AND c.used_at IS NULL", ""))

    def test_a_member_of_the_servers_own_roles(self):
        """A CREATEROLE role may hand out pg_execute_server_program: only a literal list stands between."""
        source = self.server.ask("SELECT pg_get_functiondef('people.group_of'::regproc)")

        def attempt(who):
            return self.server.psql("SELECT people.group_of('pg_execute_server_program')", database=who("ada").database)[0] == 0

        self.trap(attempt, source.replace("ELSE RAISE EXCEPTION 'there is no role \"%\"', role USING ERRCODE = '22023';", "ELSE RETURN role;"))


if __name__ == "__main__":
    unittest.main()
