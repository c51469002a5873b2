# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""The database's part of erasing a viewer: asked by nodes, done by each node and by the coordinator, and late events."""
from __future__ import annotations

import pathlib
import sys
import time
import unittest
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
import people  # noqa: E402
from people import Machine, quoted  # noqa: E402

NIL = "00000000-0000-0000-0000-000000000000"
TODAY = int(time.time() // 86400)
GONE, STAYS = 7_000_000_001, 7_000_000_002


def array(values, of: str) -> str:
    return "ARRAY[" + ",".join("NULL" if v is None else quoted(str(v)) if of in ("uuid", "text", "bytea") else str(v) for v in values) + f"]::{of}[]"


def ship(spool: str, at: int, visitors: list[int], kind: int = 2, arm: str = "", when: float | None = None) -> str:
    """A batch of one event for each visitor, from this number of the spool on."""
    n = len(visitors)
    micros = int((when or time.time()) * 1e6)
    one = lambda value, of: array([value] * n, of)  # noqa: E731
    place = array(["one", "", "", "", "", "", "", "", "", arm], "text")
    return ("SELECT inserted, refused FROM events.ship(" + ", ".join([
        f"'{spool}'::uuid", str(at), str(at + n), place, one(0, "int"), array([uuid.uuid4() for _ in range(n)], "uuid"), one(TODAY, "int"),
        one(kind, "smallint"), one(micros, "bigint"), array([uuid.UUID(int=v) for v in visitors], "uuid"), array(visitors, "bigint"), one(0, "bigint"),
        one(0, "smallint"), one(30, "bigint"), one(1, "real"), one("", "text"), one("\\x5ea1ed", "bytea")]) + ")")


class Erasure(people.Town, unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.second = Machine(cls.server, "n2", "node")

    @property
    def epoch(self) -> str:
        """Of a lease that is held from now on: it ends after five seconds."""
        return self.carl.sql("SELECT registry.hold_lease()").strip()

    def request(self, visitors, digest="ab" * 32, node=None) -> str:
        name = str(uuid.uuid4())
        (node or self.node).sql(f"SELECT registry.request_erasure('{name}', '\\x{digest}', {array(visitors, 'bigint')})")
        return name

    def number(self, request: str) -> int:
        return int(self.server.ask(f"SELECT sequence FROM dvpe.erasure WHERE request = '{request}'"))

    def clear(self) -> None:
        for _ in range(100):
            if self.carl.sql(f"SELECT events.erase({self.epoch})") == "f":
                return
        self.fail("the coordinator is never through")

    def count(self) -> None:
        while self.carl.sql(f"SELECT events.roll(10, {self.epoch})") != "0":
            pass

    def all_acknowledge(self, request: str) -> None:
        for node in (self.node, self.second):
            node.sql(f"SELECT registry.acknowledge_erasures({self.number(request)})")
        self.carl.sql(f"SELECT registry.settle_erasures({self.epoch})")

    def hash_of(self, visitor: int) -> str:
        return self.server.ask(f"SELECT (hashint8extended({visitor}, 0) >> 32)::int")

    def test_1_takes_a_visitor_from_every_table_and_nobody_else(self):
        spool = str(uuid.uuid4())
        self.assertEqual(self.node.sql(ship(spool, 0, [GONE, STAYS], 13, "test/a")), "2|0")
        self.assertEqual(self.node.sql(ship(spool, 2, [GONE, STAYS])), "2|0")
        self.count()
        sample = ("INSERT INTO dvpe.sample (day, id, channel, visitor, draw, attributes, breaks) SELECT now()::date, gen_random_uuid(), 'one', v, 0, '{}', '{}' "
                  f"FROM unnest('{{{GONE},{STAYS}}}'::bigint[]) v")
        self.server.ask("SELECT events.make_sample_day((now() AT TIME ZONE 'UTC')::date); INSERT INTO dvpe.sample_day (day, threshold, sessions) VALUES ((now() AT TIME ZONE 'UTC')::date, 2147483648, 2)")
        self.server.ask(sample.replace("now()::date", "(now() AT TIME ZONE 'UTC')::date"))
        tables = {"event": "visitor = {v}", "trial_arm": "visitor = {v}", "trial_day": "visitor = {v}", "sample": "visitor = {v}",
                  "event_reach": "{h} = ANY (visitors)", "event_presence": "{h} = ANY (visitors)"}

        def found(visitor: int) -> dict:
            return {t: self.server.ask(f"SELECT count(*) > 0 FROM dvpe.{t} WHERE " + w.format(v=visitor, h=self.hash_of(visitor))) for t, w in tables.items()}
        self.assertEqual(found(GONE), dict.fromkeys(tables, "t"), "before")
        sums = self.server.ask("SELECT sum(count) FROM dvpe.event_rollup")
        request = self.request([GONE])
        self.clear()
        self.assertEqual(found(GONE), dict.fromkeys(tables, "f"))
        self.assertEqual(found(STAYS), dict.fromkeys(tables, "t"))
        self.assertEqual(self.server.ask(f"SELECT count(*) FROM dvpe.event WHERE session = '{uuid.UUID(int=GONE)}'"), "0")
        self.assertEqual(self.server.ask(f"SELECT count(*) FROM dvpe.event WHERE visitor = 0 AND session = '{NIL}' AND sealed IS NULL"), "2")
        self.assertEqual(self.server.ask("SELECT sum(count) FROM dvpe.event_rollup"), sums, "sums name nobody")
        self.assertEqual(self.server.ask(f"SELECT visitors IS NULL FROM dvpe.erasure WHERE request = '{request}'"), "t")
        self.assertEqual(self.server.ask("SELECT sessions FROM dvpe.sample_day"), "1")

    def test_2_is_done_when_every_node_has_said_so(self):
        request = self.request([123456])
        stands = f"SELECT state, array_to_string(waits_for, ',') FROM registry.erasure_requests(100) WHERE request = '{request}'"
        self.assertEqual(self.ada.as_proved(stands), "open|n1,n2")
        self.node.sql(f"SELECT registry.acknowledge_erasures({self.number(request)})")
        self.clear()
        self.assertEqual(self.carl.sql(f"SELECT registry.settle_erasures({self.epoch})"), "0")
        self.assertEqual(self.ada.as_proved(stands), "open|n2")
        self.second.sql(f"SELECT registry.acknowledge_erasures({self.number(request)})")
        self.carl.sql(f"SELECT registry.settle_erasures({self.epoch})")
        self.assertEqual(self.ada.as_proved(stands), "done|")
        log = self.server.ask(f"SELECT string_agg(what || ' ' || coalesce(after::text, ''), ';' ORDER BY sequence) FROM dvpe.audit_entry WHERE object = '{request}'")
        self.assertEqual([line.split(" ")[0] for line in log.split(";")], ["privacy.open", "privacy.close"])
        self.assertNotIn("ab" * 32, self.server.ask("SELECT string_agg(coalesce(after::text, ''), ' ') FROM dvpe.audit_entry"))

    def test_3_takes_what_comes_late_without_its_visitor(self):
        spool = str(uuid.uuid4())
        request = self.request([555], "cd" * 32)
        self.assertEqual(self.node.sql(ship(spool, 0, [555, 556])), "2|0")
        self.assertEqual(self.server.ask("SELECT count(*) FROM dvpe.event WHERE visitor = 555"), "0")
        self.assertEqual(self.server.ask(f"SELECT count(*) FROM dvpe.event WHERE visitor = 556 AND session = '{uuid.UUID(int=556)}' AND sealed = '\\x5ea1ed'"), "1")
        self.assertEqual(self.server.ask(f"SELECT count(*) FROM dvpe.event WHERE session = '{uuid.UUID(int=555)}'"), "0")
        before = time.time()
        self.clear()
        self.all_acknowledge(request)
        self.assertEqual(self.second.sql(ship(str(uuid.uuid4()), 0, [555], when=before - 1)), "1|0")
        self.assertEqual(self.server.ask("SELECT count(*) FROM dvpe.event WHERE visitor = 555"), "0", "it happened before")
        self.assertEqual(self.second.sql(ship(str(uuid.uuid4()), 0, [555])), "1|0")
        self.assertEqual(self.server.ask("SELECT count(*) FROM dvpe.event WHERE visitor = 555"), "1", "the viewer is back")

    def test_4_is_the_same_request_when_it_comes_again(self):
        request = self.request([1], "ef" * 32)
        again = f"SELECT registry.request_erasure('{request}', '\\x{'ef' * 32}', '{{1}}')"
        self.assertEqual(self.node.sql(again), str(self.number(request)))
        self.assertIn("another request", self.node.refused(again.replace("ef" * 32, "aa" * 32)))
        self.assertEqual(self.server.ask(f"SELECT count(*) FROM dvpe.audit_entry WHERE object = '{request}'"), "1")
        listed = self.second.sql(f"SELECT request, encode(digest, 'hex') FROM registry.erasures({self.number(request) - 1}, 10)")
        self.assertEqual(listed, f"{request}|{'ef' * 32}")
        self.assertEqual(self.second.sql(f"SELECT count(*) FROM registry.erasures({self.number(request)}, 10)"), "0")

    def test_5_keeps_full_sketches_full(self):
        full = "(SELECT array_agg(i * 1000 ORDER BY i) FROM generate_series(1, 1024) i)"
        for h in (1000, 500_000, 1_024_000):
            row = self.server.ask(f"SELECT cardinality(s), {h} = ANY (s), s = ARRAY(SELECT x FROM unnest(s) x ORDER BY x), s[1024] <= 1024000 "
                                  f"FROM events.sketch_without({full}, '{{{h}}}', 1024) s")
            self.assertEqual(row, "1024|f|t|t")
        self.assertEqual(self.server.ask("SELECT events.sketch_without('{1,2,3}', '{2,9}', 1024)"), "{1,3}")

    def test_6_refuses_what_is_none_and_who_may_not(self):
        for bad in ("NULL, '\\x00', '{}'", f"'{uuid.uuid4()}', '\\x00', '{{}}'", f"'{uuid.uuid4()}', '\\x{'00' * 32}', array_fill(1, '{{17}}')", f"'{uuid.uuid4()}', '\\x{'00' * 32}', NULL"):
            self.assertIn("a request has", self.node.refused(f"SELECT registry.request_erasure({bad})"))
        self.assertIn("no such request", self.node.refused("SELECT registry.acknowledge_erasures(1000000)"))
        self.cleo.refused_proved(f"SELECT registry.request_erasure('{uuid.uuid4()}', '\\x{'00' * 32}', '{{}}')")
        self.cleo.refused_proved("SELECT * FROM registry.erasure_requests(1)")
        self.node.refused(f"SELECT events.erase({self.epoch})")
        self.carl.refused("SELECT * FROM registry.erasures(0, 1)")

    def test_7_names_nobody_when_30_days_are_over(self):
        request = self.request([777], "77" * 32)
        self.clear()
        self.all_acknowledge(request)
        self.server.ask(f"UPDATE dvpe.erasure SET done_at = now() - interval '31 days' WHERE request = '{request}'")
        self.server.ask(f"UPDATE dvpe.erased_visitor SET until = now() - interval '31 days' WHERE request = '{request}'")
        self.carl.sql(f"SELECT registry.retain({self.epoch})")
        self.assertEqual(self.server.ask(f"SELECT digest IS NULL, (SELECT count(*) FROM dvpe.erased_visitor t WHERE t.request = e.request) FROM dvpe.erasure e WHERE request = '{request}'"), "t|0")
        self.assertEqual(self.server.ask(f"SELECT count(*) FROM dvpe.privacy_request WHERE pseudonym = '\\x{'77' * 32}'"), "0")


if __name__ == "__main__":
    unittest.main()
