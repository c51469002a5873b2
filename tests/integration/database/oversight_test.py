#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""What watches over the rest: signed audit heads, overdue sessions, proposals without secrets, consent and privacy requests."""
from __future__ import annotations

import concurrent.futures
import json
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
import nodeproc  # noqa: E402
import people  # noqa: E402
from people import Machine, Person, change, quoted  # noqa: E402

VIEWER = "'\\x" + "cd" * 32 + "'"


class Oversight(people.Town, unittest.TestCase):
    def epoch(self) -> str:
        return self.carl.sql("SELECT registry.hold_lease()")

    # ---- heads

    def _store(self, statement: str, epoch: str) -> str:
        return f"SELECT audit.store_head('\\x{statement.encode().hex()}', '{'a' * 16}', '\\x{'00' * 64}', {epoch})"

    def test_the_holder_of_the_lease_signs_heads_that_are_true(self):
        sequence, head = self.carl.sql("SELECT sequence, encode(hash, 'hex') FROM audit.head()").split("|")
        self.assertEqual(head, self.server.ask("SELECT encode(hash, 'hex') FROM dvpe.audit_head"))
        epoch = self.epoch()
        good = json.dumps({"sequence": int(sequence), "hash": head, "at": 1790000000})
        for bad in ({"sequence": int(sequence), "hash": "0" * 64, "at": 1}, {"sequence": 10 ** 6, "hash": head, "at": 1}, {}):
            self.assertIn("no such head", self.carl.refused(self._store(json.dumps(bad), epoch)))
        self.assertIn("taken over", self.carl.refused(self._store(good, str(int(epoch) + 1))))
        for who in (self.node, self.ada):
            who.refused(self._store(good, epoch))
        self.carl.sql(self._store(good, epoch) + ";" + self._store(good, epoch))
        earlier = self.server.ask("SELECT sequence || ' ' || encode(hash, 'hex') FROM dvpe.audit_entry WHERE sequence = 1").split()
        self.assertIn("signed already", self.carl.refused(self._store(json.dumps({"sequence": 1, "hash": earlier[1], "at": 1}), self.epoch())))
        seen = "SELECT count(*) FROM dvpe.audit_head_signature"
        self.assertEqual((self.ada.as_proved(seen), self.node.sql(seen), self.ada.sql(seen)), ("1", "1", "0"))
        self.cleo.refused_proved(seen)
        self.ada.refused_proved("DELETE FROM dvpe.audit_head_signature")

    def test_only_admins_read_the_chain(self):
        entries = "SELECT count(*) FROM audit.entries(1, 5)"
        self.assertEqual(self.ada.as_proved(entries), "5")
        for who in (self.cleo, self.adam):
            who.refused_proved(entries)
            who.refused_proved("SELECT * FROM audit.head()")
        for who in (self.node, self.carl, self.ada):  # ada: without the second factor
            who.refused(entries)

    # ---- the warden

    def test_sessions_that_are_overdue_are_ended_and_others_are_not(self):
        """On a copy whose limits are a second instead of minutes."""
        source = self.server.ask("SELECT pg_get_functiondef('people.end_overdue'::regproc)")
        quick = source.replace("interval '60 seconds'", "interval '1 second'").replace("interval '120 seconds'", "interval '1 second'")
        self.assertNotEqual(source, quick)
        asleep = {"cleo": "SET statement_timeout = 0; SELECT pg_sleep(30)",
                  "dina": "SET idle_in_transaction_session_timeout = 0; BEGIN; SELECT 1;\n\\! sleep 6\n",
                  "adam": "BEGIN;" + "SELECT pg_sleep(0.3);" * 100,
                  "n1": "SET statement_timeout = 0; SELECT pg_sleep(4)",
                  "postgres": "SELECT pg_sleep(4)",
                  "olga": "\\! sleep 4\nSELECT 1"}
        who = {"cleo": self.cleo, "dina": self.dina, "adam": self.adam, "n1": self.node, "olga": self.olga}
        self.server.ask(quick)
        try:
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                began = time.monotonic()
                running = {name: pool.submit(who[name].try_sql if name in who else self.server.psql, sql) for name, sql in asleep.items()}
                nodeproc.wait_until(lambda: self.server.ask("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'") == "7", 10, "sessions")
                time.sleep(1.2)
                self.assertEqual(self.carl.sql(f"SELECT people.end_overdue({self.epoch()})"), "3")
                ended = {name: bool(t.result()[0]) for name, t in running.items() if name != "dina"}
                self.assertLess(time.monotonic() - began, 20)
                self.assertEqual(ended, {"cleo": True, "adam": True, "n1": False, "postgres": False, "olga": False})
                self.assertEqual(self.server.ask(f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{self.dina.login}'"), "0")
        finally:
            self.server.ask(source)
        self.assertEqual(self.server.ask("SELECT count(*) FROM dvpe.audit_entry WHERE what = 'session.end' AND who = 'carl'"), "3")

    def test_nobody_but_the_coordinator_ends_sessions(self):
        epoch = self.epoch()
        for who in (self.ada, self.cleo):
            who.refused_proved(f"SELECT people.end_overdue({epoch})")
            who.refused_proved(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{self.olga.login}'; SET ROLE dvpe_warden")
        self.node.refused(f"SELECT people.end_overdue({epoch})")
        second = Machine(self.server, "second", "coordinator")
        self.assertIn("taken over", second.refused(f"SELECT people.end_overdue({epoch})"))

    def test_a_warden_that_cannot_see_says_so(self):
        self.server.ask("REVOKE pg_read_all_stats FROM dvpe_warden")
        try:
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                other = pool.submit(self.cleo.sql, "SELECT pg_sleep(1.5)")
                nodeproc.wait_until(lambda: self.server.ask(f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{self.cleo.login}'") == "1", 5, "cleo")
                self.assertIn("cannot see", self.carl.refused(f"SELECT people.end_overdue({self.epoch()})"))
                other.result()
        finally:
            self.server.ask("GRANT pg_read_all_stats TO dvpe_warden")

    # ---- what goes when its time is over

    def test_what_is_old_goes_and_the_rest_stays(self):
        """Made old by the superuser."""
        def count(table, where="true"):
            return int(self.server.ask(f"SELECT count(*) FROM dvpe.{table} WHERE {where}"))

        def retain():
            return json.loads(self.carl.sql(f"SELECT registry.retain({self.epoch()})"))
        retain()
        self.assertEqual(retain(), {}, "nothing is old")
        for n in (1, 2):
            self.cleo.as_proved(f"SELECT registry.begin_blob('\\x{f'{n:02x}' * 32}', 10, 'text/plain')")
        self.ada.with_grant([people.change("one")], "SELECT 1")
        self.server.ask("UPDATE dvpe.blob SET created_at = created_at - interval '25 hours' WHERE digest = decode(repeat('01', 32), 'hex');"
                        "UPDATE dvpe.action_grant SET expires_at = expires_at - interval '8 days';"
                        "INSERT INTO dvpe.keys_revision VALUES (1, '{}', '[]') ON CONFLICT DO NOTHING;"
                        "INSERT INTO dvpe.release (sequence, base, keys_revision, contents, key, signature, coordinator, at) "
                        "SELECT n, n - 1, 1, '{}', repeat('a', 16), decode(repeat('00', 64), 'hex'), m.id, "
                        "clock_timestamp() - CASE WHEN n = 3 THEN interval '1 day' ELSE interval '91 days' END "
                        "FROM generate_series(1, 1005) n, dvpe.machine m WHERE m.name = 'carl';"
                        "INSERT INTO dvpe.acknowledgement SELECT m.id, n, 'effective' FROM generate_series(1, 1005) n, dvpe.machine m WHERE m.name = 'carl';"
                        "INSERT INTO dvpe.rollout_halt VALUES (2, 'wrong')")
        grants = count("action_grant")
        self.assertGreater(grants, 0)
        removed = retain()
        self.assertEqual({k: removed.get(k) for k in ("uploads", "grants", "releases")}, {"uploads": 1, "grants": grants, "releases": 4})
        self.assertEqual(self.server.ask("SELECT array_agg(sequence ORDER BY sequence) FROM dvpe.release WHERE sequence < 8"), "{3,6,7}",
                         "the 1,000 newest stay, and what is young")
        self.assertEqual((count("acknowledgement", "sequence < 6"), count("rollout_halt"), count("action_grant")), (1, 0, 0))
        self.assertEqual(count("blob", "complete_at IS NULL"), 1, "a young upload goes on")
        self.assertEqual(json.loads(self.server.ask("SELECT before FROM dvpe.audit_entry WHERE what = 'retention' ORDER BY sequence DESC LIMIT 1"))["releases"], 4)
        self.assertEqual(retain(), {})
        self.node.refused(f"SELECT registry.retain({self.epoch()})")
        for part in ("registry.retain_library()", "session.retain()"):
            self.carl.refused(f"SELECT {part}")

    # ---- people

    def test_a_proposal_does_not_show_the_newcomers_secrets(self):
        args = json.dumps({"organisation": "demo", "name": "nora", "full_name": "Nora", "roles": ["analyst"], "verifier":
                           people.scram_verifier("a long password"), "secret": "ab" * 20, "recovery": ["cd" * 32]})
        canonical = self.server.ask(f"SELECT {quoted(args)}::jsonb::text")
        self.ada.sql(self.ada.with_grant([change("propose", "person.add", canonical)], f"SELECT people.propose('person.add', {quoted(args)}, :'grant')"))
        seen = self.ben.as_proved("SELECT string_agg(args::text, ' ') FROM people.proposals()")
        self.assertIn("nora", seen)
        for secret in ("SCRAM", "abab", "cdcd"):
            self.assertNotIn(secret, seen)
        self.ben.refused_proved("SELECT args FROM dvpe.proposal")
        self.ben.refused("SELECT * FROM people.proposals()")
        self.cleo.refused_proved("SELECT * FROM people.proposals()")

    def test_admins_see_logins_and_roles_of_everybody(self):
        seen = self.ada.as_proved("SELECT login || ' ' || array_to_string(roles, ',') FROM people.directory() WHERE name IN ('olga', 'n1') ORDER BY name")
        self.assertEqual(seen.splitlines(), [f"{self.node.login} node", f"{self.olga.login} ad_operations"])
        self.ada.refused("SELECT * FROM people.directory()")
        self.adam.refused_proved("SELECT * FROM people.directory()")

    # ---- viewers

    def test_consent_is_written_by_nodes_and_read_by_nobody(self):
        record = f"SELECT registry.record_consent({VIEWER}, ARRAY['ads', 'measurement'], 'session')"
        self.node.sql(record)
        for who in (self.ada, self.cleo):
            who.refused_proved(record)
            who.refused_proved("SELECT * FROM dvpe.consent_record")
        self.carl.refused(record)
        for who in (self.node, self.carl):
            who.refused("SELECT * FROM dvpe.consent_record")
        self.node.refused("SELECT registry.record_consent('\\x00', '{}', 'a name of somebody')")

    def test_a_privacy_request_is_due_in_30_days_and_closed_with_a_grant(self):
        opened = self.node.sql(f"SELECT registry.open_privacy_request('erase', {VIEWER})")
        self.ada.as_proved(f"SELECT registry.open_privacy_request('access', {VIEWER})")
        self.cleo.refused_proved(f"SELECT registry.open_privacy_request('access', {VIEWER})")
        self.ada.refused_proved(f"SELECT registry.open_privacy_request('publish', {VIEWER})")
        days = "SELECT round(extract(epoch FROM due_at - requested_at) / 86400) FROM dvpe.privacy_request WHERE id = '%s'" % opened
        self.assertEqual((self.ada.as_proved(days), self.ada.sql(days)), ("30", ""))
        self.cleo.refused_proved(days)
        self.node.refused(days)
        close = f"SELECT registry.close_privacy_request('{opened}', '%s', '%s', :'grant')"
        self.assertIn("needs a grant", self.ada.refused(self.ada.with_grant([change("privacy.close", opened, "done", "")], close % ("refused", "no"))))
        self.assertIn("for a reason", self.ada.refused(self.ada.with_grant([change("privacy.close", opened, "refused", "")], close % ("refused", ""))))
        self.cleo.refused(self.cleo.with_grant([change("privacy.close", opened, "done", "")], close % ("done", "")))
        self.ada.sql(self.ada.with_grant([change("privacy.close", opened, "done", "")], close % ("done", "")))
        self.assertIn("no such open", self.ada.refused(self.ada.with_grant([change("privacy.close", opened, "done", "")], close % ("done", ""))))


if __name__ == "__main__":
    unittest.main()
