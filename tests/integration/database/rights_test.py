#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""Who may do what, as the database sees it: everything is tried over TCP, TLS and SCRAM with plain psql."""
from __future__ import annotations

import copy
import hashlib
import json
import os
import pathlib
import sys
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "support"))
import people  # noqa: E402
from people import Machine, Person, change, quoted  # noqa: E402

class Rights(people.Town, unittest.TestCase):
    # ---- the shape

    def test_every_table_has_row_security_enabled_and_forced(self):
        self.assertEqual(self.server.ask(
            "SELECT string_agg(oid::regclass::text, ' ') FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace NOT IN "
            "('pg_catalog'::regnamespace, 'information_schema'::regnamespace) AND NOT (relrowsecurity AND relforcerowsecurity)"), "")

    def test_nothing_may_be_executed_by_everybody(self):
        self.assertEqual(self.server.ask(
            "SELECT string_agg(p.oid::regprocedure::text, ' ') FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
            "WHERE n.nspname IN ('session', 'people', 'registry', 'audit', 'events', 'analytics', 'crypto', 'public', 'dvpe') "
            "AND has_function_privilege('public', p.oid, 'EXECUTE')"), "")

    def test_every_definer_function_has_a_fixed_search_path(self):
        self.assertEqual(self.server.ask(
            "SELECT string_agg(p.oid::regprocedure::text, ' ') FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
            "WHERE n.nspname IN ('session', 'people', 'registry', 'audit', 'events', 'analytics') "
            "AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)"), "")

    def test_definers_and_owner_cannot_log_in_and_nobody_is_a_member_of_them(self):
        roles = ("('dvpe_owner', 'dvpe_clock', 'dvpe_verifiers', 'dvpe_identity', 'dvpe_logins', 'dvpe_registry', 'dvpe_auditor', "
                 "'dvpe_library', 'dvpe_warden', 'dvpe_privacy', 'dvpe_events', 'dvpe_analytics', 'dvpe_audience')")
        self.assertEqual(self.server.ask(f"SELECT count(*) FROM pg_roles WHERE rolname IN {roles} AND rolcanlogin"), "0")
        self.assertEqual(self.server.ask(
            f"SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid WHERE r.rolname IN {roles}"), "0")

    # ---- reading

    def test_who_has_not_proved_the_second_factor_reads_nothing(self):
        for table in ("organisation", "draft", "revision", "release", "keys_revision"):
            self.assertEqual(self.ada.sql(f"SELECT count(*) FROM dvpe.{table}"), "0", table)
        self.assertEqual(self.ada.sql("SELECT count(id) FROM dvpe.person"), "0")
        self.assertNotEqual(self.ada.as_proved("SELECT count(id) FROM dvpe.person"), "0")

    def test_an_advertiser_never_learns_that_another_exists(self):
        self.assertEqual(self.adam.as_proved("SELECT string_agg(id, ' ') FROM dvpe.organisation"), "shop")
        self.assertEqual(self.adam.as_proved("SELECT string_agg(name, ' ') FROM dvpe.person"), "adam")
        self.adam.refused_proved("SELECT login FROM dvpe.person")
        self.adam.refused_proved("INSERT INTO dvpe.organisation VALUES ('bank', 'x', false)")
        self.adam.refused_proved("SELECT * FROM dvpe.audit_entry")

    def test_secrets_are_for_nobody(self):
        for who in (self.ada, self.adam, self.node, self.carl):
            for table in ("one_time", "recovery_code", "proof", "action_grant", "audit_head"):
                who.refused(f"SELECT * FROM dvpe.{table}")
            who.refused("SELECT rolpassword FROM pg_authid")
            who.refused("SELECT session.check_code('00000000-0000-0000-0000-000000000000', '1')")
            who.refused("SELECT people.verifier_digest('postgres')")

    # ---- traps

    def test_roles_cannot_be_borrowed(self):
        for role in ("dvpe_owner", "dvpe_identity", "dvpe_logins", "dvpe_admin", "postgres", self.ben.login):
            self.cleo.refused(f"SET ROLE {role}")
            self.cleo.refused(f"SET SESSION AUTHORIZATION {role}")
            self.cleo.refused(f"GRANT {role} TO {self.cleo.login}")

    def test_no_shadow_functions_in_temporary_schemas(self):
        self.cleo.refused("CREATE TEMP TABLE person (id int)")
        self.cleo.refused("CREATE FUNCTION pg_temp.lower(text) RETURNS text LANGUAGE sql AS 'SELECT $1'")
        self.cleo.refused("CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'")

    def test_tables_are_changed_through_functions_only(self):
        tables = self.server.ask("SELECT string_agg(oid::regclass::text, ' ') FROM pg_class WHERE relkind = 'r' AND relnamespace = 'dvpe'::regnamespace").split()
        self.assertGreater(len(tables), 15)
        statements = "".join(
            f"SELECT has_table_privilege('{who.login}', '{table}', 'INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER');\n"
            for table in tables for who in (self.ada, self.cleo, self.olga, self.adam, self.node, self.carl))
        self.assertEqual(set(self.server.ask(statements).split()), {"f"})

    def test_a_one_time_password_opens_once(self):
        code = self.dina.code()
        self.assertEqual(self.dina.sql(f"SELECT session.prove('{code}')"), "ok")
        self.assertEqual(self.dina.sql(f"SELECT session.prove('{code}')"), "wrong")

    def test_five_wrong_codes_lock_and_the_count_survives(self):
        person = Person(self.server, "clumsy", ["creator"])
        good = person.code()
        wrong = "000000" if good != "000000" else "000001"
        for expected in ("wrong", "wrong", "wrong", "wrong", "locked", "locked"):
            self.assertEqual(person.sql(f"SELECT session.prove('{wrong}')"), expected)
        self.assertEqual(person.sql(f"SELECT session.prove('{person.code()}')"), "locked")

    def test_a_grant_is_used_once_by_its_owner_for_its_change(self):
        verifier = people.scram_verifier("another password 1")
        do = f"SELECT people.set_password({quoted(verifier)}, :'grant');\n"
        right = [change("person.password", verifier)]
        person, other = Person(self.server, "grantee", ["creator"]), Person(self.server, "thief", ["creator"])
        none = "needs a grant"
        self.assertIn(none, person.refused(person.with_grant([change("person.password", "something else")], do)))
        self.assertIn(none, person.refused(person.with_grant(right, "BEGIN;\n" + do + do + "COMMIT;\n")), "twice")
        grant = person.sql(person.with_grant(right, "SELECT :'grant'"))
        self.assertIn(none, other.refused_proved(do.replace(":'grant'", f"'{grant}'")))
        self.assertIn(none, person.refused(do.replace(":'grant'", f"'{grant}'")), "without the second factor")
        self.server.ask(f"UPDATE dvpe.action_grant SET expires_at = clock_timestamp() WHERE id = '{grant}'")
        self.assertIn(none, person.refused_proved(do.replace(":'grant'", f"'{grant}'")), "too late")
        person.sql(person.with_grant(right, do))
        person.password = "another password 1"
        self.assertEqual(person.sql(f"SELECT status FROM session.begin_action(ARRAY['{'0' * 64}'], '{person.code()}')"), "ok")

    def test_a_connection_that_is_not_fresh_gets_no_grant(self):
        answer = self.ben.sql("SELECT pg_sleep(10.5);\n" + f"SELECT status FROM session.begin_action(ARRAY['{'0' * 64}'], '{self.ben.code()}')")
        self.assertEqual(answer.split()[-1], "stale")

    def test_a_password_changed_behind_our_back_disables(self):
        person = Person(self.server, "victim", ["admin"])
        person.sql(f"ALTER ROLE {person.login} PASSWORD {quoted(people.scram_verifier('attackers choice'))}")
        person.password = "attackers choice"
        ask = f"SELECT status FROM session.begin_action(ARRAY['{'0' * 64}'], '{person.code()}')"
        self.assertEqual(person.sql(ask), "password")
        self.assertEqual(person.sql(ask), "disabled")
        self.assertEqual(self.server.ask("SELECT count(*) FROM dvpe.audit_entry WHERE what = 'session.alarm' AND who = 'victim'"), "1")

    def test_a_superuser_cannot_be_made(self):
        for attribute in ("SUPERUSER", "CREATEROLE", "BYPASSRLS", "REPLICATION"):
            self.ada.refused(f"ALTER ROLE {self.ada.login} {attribute}")
        self.ada.refused_proved("SELECT people.create_login('x', ARRAY['pg_execute_server_program']::name[], 1)")
        self.ada.refused_proved("SELECT people.group_of('pg_read_server_files')")

    # ---- four eyes

    def test_people_are_added_by_two_admins(self):
        args = ('{"organisation": "demo", "name": "newcomer", "full_name": "New Comer", "roles": ["analyst"], "verifier": "%s", '
                '"secret": "%s", "recovery": []}' % (people.scram_verifier("a long password"), "ab" * 20))
        canonical = self.server.ask(f"SELECT {quoted(args)}::jsonb::text")
        made = self.ada.sql(self.ada.with_grant([change("propose", "person.add", canonical)],
                                                f"SELECT people.propose('person.add', {quoted(args)}, :'grant')"))
        approve = f"SELECT people.decide('{made}', true, :'grant')"
        self.assertIn("another admin", self.ada.refused(self.ada.with_grant([change("decide", made, "true")], approve)))
        self.cleo.refused(self.cleo.with_grant([change("decide", made, "true")], approve))
        self.ben.sql(self.ben.with_grant([change("decide", made, "true")], approve))
        self.assertEqual(self.server.ask("SELECT count(*) FROM dvpe.person WHERE name = 'newcomer'"), "1")
        self.assertNotIn("verifier", self.server.ask("SELECT args FROM dvpe.proposal WHERE what = 'person.add'"))
        self.assertNotIn("SCRAM", self.server.ask("SELECT string_agg(after::text, ' ') FROM dvpe.audit_entry"))

    def _proposed(self, what: str, args: dict, decider=None) -> str:
        """What ada proposes and ben, or somebody else, approves; the proposal's id."""
        text = quoted(json.dumps(args))
        canonical = self.server.ask(f"SELECT {text}::jsonb::text")
        made = self.ada.sql(self.ada.with_grant([change("propose", what, canonical)], f"SELECT people.propose('{what}', {text}, :'grant')"))
        by = decider or self.ben
        by.sql(by.with_grant([change("decide", made, "true")], f"SELECT people.decide('{made}', true, :'grant')"))
        return made

    def _locked(self, name: str, roles=("creator",)) -> Person:
        person = Person(self.server, name, list(roles))
        good = person.code()
        wrong = "000000" if good != "000000" else "000001"
        self.assertEqual([person.sql(f"SELECT session.prove('{wrong}')") for _ in range(5)][-1], "locked")
        return person

    def test_who_is_locked_is_let_in_again_by_two_admins_and_by_nobody_else(self):
        person = self._locked("locked")
        id_ = self.server.ask("SELECT id FROM dvpe.person WHERE name = 'locked'")
        for who in (person, self.cleo, self.ada):
            for call in (f"people.unlock('{id_}')", f"people.set_second_factor('{id_}', '\\x{'ab' * 20}', '{{}}')", f"session.forget_proofs('{id_}')"):
                self.assertIn("permission denied", who.refused((who.prove() if who is not person else "") + f"SELECT {call}"), call)
        propose = f"SELECT people.propose('person.unlock', '{{\"person\": \"{id_}\"}}', :'grant')"
        named = change("propose", "person.unlock", f'{{"person": "{id_}"}}')
        self.assertIn("permission denied", self.cleo.refused(self.cleo.with_grant([named], propose)), "a creator")
        self.assertIn("needs a grant", self.ada.refused_proved(propose.replace(":'grant'", "NULL")))
        self.assertIn("needs a grant", self.ada.refused(self.ada.with_grant([change("propose", "person.unlock", "{}")], propose)), "for another")
        made = self.ada.sql(self.ada.with_grant([named], propose))
        approve = f"SELECT people.decide('{made}', true, :'grant')"
        self.assertIn("another admin", self.ada.refused(self.ada.with_grant([change("decide", made, "true")], approve)))
        self.assertEqual(person.sql(f"SELECT session.prove('{person.code()}')"), "locked", "a proposal alone does nothing")
        self.ben.sql(self.ben.with_grant([change("decide", made, "true")], approve))
        self.assertIn("no such open proposal", self.ben.refused(self.ben.with_grant([change("decide", made, "true")], approve)), "twice")
        self.assertEqual(person.sql(f"SELECT session.prove('{person.code()}')"), "ok")
        self.assertEqual(self.server.ask("SELECT string_agg(what, ' ' ORDER BY sequence) FROM dvpe.audit_entry WHERE object = 'locked' AND what LIKE 'person.%'"),
                         "person.add person.unlock")

    def test_an_unlocked_code_stays_used_and_what_is_not_locked_is_not_unlocked(self):
        person = Person(self.server, "usedup", ["creator"])
        id_ = self.server.ask("SELECT id FROM dvpe.person WHERE name = 'usedup'")
        with self.assertRaisesRegex(AssertionError, "is not locked"):
            self._proposed("person.unlock", {"person": id_})
        code = person.code()
        self.assertEqual(person.sql(f"SELECT session.prove('{code}')"), "ok")
        for _ in range(5):
            person.sql(f"SELECT session.prove('{code}')")
        self._proposed("person.unlock", {"person": id_})
        self.assertEqual(person.sql(f"SELECT session.prove('{code}')"), "wrong", "each code opens once, also after it")

    def test_a_new_secret_closes_what_the_old_one_opened(self):
        person, old_recovery, new_recovery = self._locked("loser", ["admin"]), "ABCDEFGHABCDEFGH", "HGFEDCBAHGFEDCBA"
        id_ = self.server.ask("SELECT id FROM dvpe.person WHERE name = 'loser'")
        self.server.ask("UPDATE dvpe.one_time SET failures = 0, locked_at = NULL WHERE person = '%s';"
                        "INSERT INTO dvpe.recovery_code VALUES ('%s', sha256('%s'))" % (id_, id_, old_recovery))
        grant = person.sql(person.with_grant(["0" * 64], "SELECT :'grant'"))
        fresh = os.urandom(20)
        digest = hashlib.sha256(new_recovery.encode()).hexdigest()
        stays = person.server.ask("SELECT count(*) FROM dvpe.proof WHERE person = '%s'" % id_)
        self.assertEqual(stays, "1", "the row outlives its connection until the next of that number; the moment tells them apart")
        made = self._proposed("person.new_secret", {"person": id_, "secret": fresh.hex(), "recovery": [digest]})
        self.assertEqual(self.server.ask(f"SELECT count(*) FROM dvpe.proof WHERE person = '{id_}'"), "0")
        self.assertEqual(self.server.ask(f"SELECT count(*) FROM dvpe.action_grant_change WHERE action_grant = '{grant}' AND used_at IS NULL"), "0")
        self.assertEqual(person.sql(f"SELECT session.prove('{person.code()}')"), "wrong", "the old authenticator")
        self.assertEqual(person.sql(f"SELECT session.prove('{old_recovery}')"), "wrong", "an old recovery code")
        self.assertEqual(person.sql(f"SELECT session.prove('{new_recovery}')"), "ok")
        person.secret = fresh
        self.assertEqual(person.sql(f"SELECT session.prove('{person.code()}')"), "ok")
        kept = self.server.ask(f"SELECT args::text FROM dvpe.proposal WHERE id = '{made}'")
        kept += self.server.ask("SELECT string_agg(coalesce(after::text, '') || coalesce(before::text, ''), ' ') FROM dvpe.audit_entry")
        for secret in (fresh.hex(), digest):
            self.assertNotIn(secret, kept)

    def test_nobody_gets_a_second_factor_who_is_disabled_or_has_none(self):
        self._locked("leaver")
        id_ = self.server.ask("SELECT id FROM dvpe.person WHERE name = 'leaver'")
        self._proposed("person.disable", {"person": id_, "reason": "has left"})
        for what, more in (("person.unlock", {}), ("person.new_secret", {"secret": "ab" * 20, "recovery": []})):
            with self.assertRaisesRegex(AssertionError, "is disabled"):
                self._proposed(what, {"person": id_, **more})
        machine = self.server.ask("SELECT id FROM dvpe.machine WHERE name = 'n1'")
        with self.assertRaises(AssertionError):
            self._proposed("person.new_secret", {"person": machine, "secret": "ab" * 20, "recovery": []})
        with self.assertRaises(AssertionError):
            self._proposed("person.new_secret", {"person": self.server.ask("SELECT id FROM dvpe.person WHERE name = 'dina'"), "secret": "ab", "recovery": []})

    def test_a_namesake_lends_an_admin_no_grant(self):
        named = "c" * 64
        amy = Person(self.server, "amy", ["admin"])
        people.organisation(self.server, "kiosk", False)
        self.server.ask("SELECT people.add_person('kiosk', 'amy', 'Amy', '{advertiser}', %s, '\\x%s', '{}')" %
                        (quoted(people.scram_verifier(amy.password)), amy.secret.hex()))
        login = self.server.ask("SELECT login FROM dvpe.person WHERE name = 'amy' AND organisation = 'kiosk'")
        for who, expected in ((login, "f"), (amy.login, "t")):
            thief = copy.copy(amy)
            thief.login = who
            grant = thief.sql(f"SELECT action_grant FROM session.begin_action(ARRAY['{named}'], '{amy.code()}')")
            use = f"SELECT session.use_grant_for('{grant}', 'amy', '{named}')"
            self.assertEqual(self.node.sql(use), expected, who)
            self.assertEqual(self.node.sql(use), "f", "once")
            self.assertIn("permission denied", thief.refused_proved(use), "nodes alone use grants of others up")

    # ---- documents

    def _approved(self, author, reviewer, kind, name, text):
        author.as_proved(f"SELECT registry.save_draft({quoted(kind)}, {quoted(name)}, {quoted(text)}, 0, 0);\n")
        draft = self.server.ask(f"SELECT id FROM dvpe.draft WHERE document = {quoted(name)} AND kind = {quoted(kind)}")
        author.as_proved(f"SELECT registry.submit('{draft}', 1)")
        if reviewer:
            reviewer.as_proved(f"SELECT registry.review('{draft}', 1, true, 'good')")
        return draft

    def _store(self, kind, name, text, revision=1, grant="NULL"):
        return f"SELECT registry.store('{kind}', '{name}', {revision}, '\\x{text.encode().hex()}', '{'a' * 16}', '\\x{'00' * 64}', {grant})"

    def test_a_document_is_stored_when_another_person_has_approved_exactly_it(self):
        text = people.document("ruleset", "main", 1)
        draft = self._approved(self.cleo, None, "ruleset", "main", text)
        self.assertIn("nobody has approved", self.cleo.refused_proved(self._store("ruleset", "main", text)))
        self.cleo.refused_proved(f"SELECT registry.review('{draft}', 1, true, 'my own')")
        self.adam.refused_proved(f"SELECT registry.review('{draft}', 1, true, 'a stranger')")
        self.dina.as_proved(f"SELECT registry.review('{draft}', 1, true, 'good')")
        other = people.document("ruleset", "main", 1, body={"more": 1})
        self.assertIn("nobody has approved", self.cleo.refused_proved(self._store("ruleset", "main", other)))
        self.cleo.as_proved(self._store("ruleset", "main", text))
        self.assertIn("does not follow", self.cleo.refused_proved(self._store("ruleset", "main", text)))
        self.assertEqual(self.adam.as_proved("SELECT count(*) FROM dvpe.revision WHERE document = 'main'"), "0")
        self.assertEqual(self.node.sql("SELECT count(*) FROM dvpe.revision WHERE document = 'main'"), "1")

    def test_an_edit_after_approval_revokes_it(self):
        text = people.document("overlay", "logo", 1)
        self._approved(self.cleo, self.dina, "overlay", "logo", text)
        self.assertEqual(self.cleo.as_proved(f"SELECT registry.save_draft('overlay', 'logo', {quoted(text)}, 0, 1)"), "2")
        self.assertIn("nobody has approved", self.cleo.refused_proved(self._store("overlay", "logo", text)))

    def test_campaigns_are_reviewed_and_countersigned_by_ad_operations(self):
        text = people.document("campaign", "tea", 1, "shop")
        draft = self._approved(self.adam, None, "campaign", "tea", text)
        self.cleo.refused_proved(f"SELECT registry.review('{draft}', 1, true, '')")
        self.bert.refused_proved(f"SELECT registry.review('{draft}', 1, true, '')")
        self.olga.as_proved(f"SELECT registry.review('{draft}', 1, true, '')")
        self.adam.as_proved(self._store("campaign", "tea", text))
        digest = self.server.ask("SELECT encode(digest, 'hex') FROM dvpe.revision WHERE document = 'tea'")
        sign = f"SELECT registry.countersign('\\x{digest}', '{{}}', '{'b' * 16}', '\\x{'00' * 64}')"
        self.adam.refused_proved(sign)
        self.cleo.refused_proved(sign)
        self.olga.as_proved(sign)
        self.assertEqual(self.bert.as_proved("SELECT count(*) FROM dvpe.revision"), "0")
        self.assertEqual(self.bert.as_proved("SELECT count(*) FROM dvpe.countersignature"), "0")

    def test_what_admins_write_needs_a_grant_for_it(self):
        text = people.document("policy", "privacy", 1)
        store = self._store("policy", "privacy", text, grant=":'grant'")
        self.ada.refused_proved(self._store("policy", "privacy", text))
        digest = hashlib.sha256(text.encode()).hexdigest()
        self.ada.refused(self.ada.with_grant([change("document.store", "0" * 64)], store))
        self.ada.sql(self.ada.with_grant([change("document.store", digest)], store))

    def test_the_content_library_is_changed_with_a_grant(self):
        text = people.document("content", "film", 1)
        self._approved(self.cleo, self.dina, "content", "film", text)
        self.assertIn("needs a grant", self.cleo.refused_proved(self._store("content", "film", text)))
        digest = hashlib.sha256(text.encode()).hexdigest()
        self.cleo.sql(self.cleo.with_grant([change("document.store", digest)], self._store("content", "film", text, grant=":'grant'")))
        withdraw = "SELECT registry.withdraw('content', 'film', :'grant')"
        self.assertIn("needs a grant", self.cleo.refused(self.cleo.with_grant([change("document.withdraw", "content", "other")], withdraw)))
        self.cleo.sql(self.cleo.with_grant([change("document.withdraw", "content", "film")], withdraw))
        self.assertEqual(self.server.ask("SELECT withdrawn FROM dvpe.revision WHERE document = 'film'"), "t")

    # ---- releases

    def test_releases_are_published_by_the_holder_of_the_lease_in_turn(self):
        keys = '{"kind": "keys"}'
        digest = hashlib.sha256(keys.encode()).hexdigest()
        self.ada.sql(self.ada.with_grant([change("keys.store", digest)],
                                         f"SELECT registry.store_keys(1, '\\x{keys.encode().hex()}', '[]', :'grant')"))
        publish = "SELECT registry.publish({}, {}, 1, '\\x7b7d', '" + "c" * 16 + "', '\\x" + "00" * 64 + "', {})"
        self.node.refused("SELECT registry.hold_lease()")
        self.cleo.refused_proved("SELECT registry.hold_lease()")
        epoch = self.carl.sql("SELECT registry.hold_lease()")
        self.carl.sql(publish.format(0, 1, epoch))
        self.assertIn("newer release", self.carl.refused(publish.format(0, 2, epoch)))
        self.assertIn("taken over", self.carl.refused(publish.format(1, 2, int(epoch) - 1)))
        second = Machine(self.server, "second", "coordinator")
        self.assertEqual(second.sql("SELECT registry.hold_lease()"), "")
        self.assertEqual(self.adam.as_proved("SELECT count(*) FROM dvpe.release"), "0")
        self.node.sql("SELECT registry.acknowledge(1, 'prepared', '')")
        time.sleep(5.1)
        self.assertEqual(second.sql("SELECT registry.hold_lease()"), str(int(epoch) + 1))
        self.assertIn("taken over", self.carl.refused(publish.format(1, 2, epoch)))

    # ---- the audit chain

    def test_the_chain_holds_and_shows_every_change(self):
        verify = ("SELECT count(*) FROM (SELECT e.hash, audit.line_hash(lag(e.hash, 1, sha256('dvpe-audit-v1')) OVER (ORDER BY e.sequence), e) AS "
                  "expected FROM dvpe.audit_entry e) c WHERE hash <> expected")
        self.assertEqual(self.server.ask(verify), "0")
        self.assertNotEqual(self.server.ask("SELECT count(*) FROM dvpe.audit_entry"), "0")
        self.assertEqual(self.server.ask("BEGIN; UPDATE dvpe.audit_entry SET what = 'nothing' WHERE sequence = 2; " + verify + "; ROLLBACK"), "1")


if __name__ == "__main__":
    unittest.main()
