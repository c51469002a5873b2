#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""What happened: nodes ship it once, the coordinator counts it, functions tell what may be told, and what is old goes."""
from __future__ import annotations

import collections
import concurrent.futures
import json
import pathlib
import random
import sys
import time
import unittest
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
import people  # noqa: E402
from people import Machine, Person, quoted  # noqa: E402
from shipping import PLACE, TODAY, event, ship  # noqa: E402

DECIDED, DELIVERED, STARTED, HEARTBEAT = 20, 21, 22, 2
KEPT_TABLES = ("event_place", "event", "event_batch", "event_watermark", "event_rollup", "event_reach", "event_presence")


class Events(people.Town, unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.second = Machine(cls.server, "n2", "node")
        cls.anna = Person(cls.server, "anna", ["analyst"])
        cls.bob = Person(cls.server, "bob", ["broadcaster"])
        for kind, name, owner in (("channel", "one", "demo"), ("campaign", "summer", "shop"), ("campaign", "winter", "bank")):
            cls.server.ask(f"INSERT INTO dvpe.revision (organisation, kind, document, revision, digest, contents, key, signature) "
                           f"VALUES ('{owner}', '{kind}', '{name}', 1, sha256('{name}'), '{{}}', '{'a' * 16}', '\\x{'00' * 64}')")

    def setUp(self):
        self.spool = str(uuid.uuid4())
        self.server.ask("TRUNCATE " + ", ".join(f"dvpe.{t}" for t in KEPT_TABLES))

    def ships(self, events, who=None) -> str:
        return (who or self.node).sql(ship(str(uuid.uuid4()), 0, events))

    def epoch(self) -> str:
        return self.carl.sql("SELECT registry.hold_lease()")

    def roll(self, most: int = 100) -> int:
        return int(self.carl.sql(f"SELECT events.roll({most}, {self.epoch()})"))

    # ---- who

    def test_nodes_ship_and_nobody_else(self):
        call = ship(self.spool, 0, [event()])
        for who in (self.carl,):
            self.assertIn("permission denied", who.refused(call))
        for who in (self.ada, self.cleo, self.olga, self.adam):
            who.refused_proved(call)
            who.refused_proved(f"SELECT events.watermark('{self.spool}')")
            who.refused_proved(f"SELECT events.roll(1, {self.epoch()})")
        self.node.refused(f"SELECT events.roll(1, {self.epoch()})")
        self.assertIn("taken over", self.carl.refused(f"SELECT events.roll(1, {int(self.epoch()) + 1})"))
        for part in (f"events.make_day('{time.strftime('%Y-%m-%d')}')", "events.drop_day('2020-01-01')", "events.retain()", "events.reach_count('{1}')"):
            for who in (self.node, self.carl, self.ada):
                who.refused(f"SELECT {part}")

    def test_nobody_reads_events_or_what_was_counted(self):
        self.ships([event()])
        days = self.server.ask("SELECT string_agg(inhrelid::regclass::text, ' ') FROM pg_inherits WHERE inhparent = 'dvpe.event'::regclass").split()
        self.assertTrue(days)
        for table in [f"dvpe.{t}" for t in KEPT_TABLES] + days:
            for who in (self.ada, self.anna, self.adam, self.olga):
                who.refused_proved(f"SELECT * FROM {table}")
            for who in (self.node, self.carl):
                who.refused(f"SELECT * FROM {table}")
        self.assertEqual(json.loads(self.node_program("db", "check", "--json"))["loose"], [], "also of a day that was made just now")

    def test_a_node_has_watermarks_of_its_own(self):
        self.assertEqual(self.node.sql(f"SELECT events.watermark('{self.spool}')"), "0")
        self.assertEqual(self.node.sql(ship(self.spool, 0, [event(), event()])), "2|2|0")
        self.assertEqual(self.node.sql(f"SELECT events.watermark('{self.spool}')"), "2")
        self.assertEqual(self.second.sql(f"SELECT events.watermark('{self.spool}')"), "0", "another's spool of the same id is not this one")
        self.assertEqual(self.second.sql(ship(self.spool, 0, [event()])), "1|1|0")
        self.assertEqual(self.node.sql(f"SELECT events.watermark('{self.spool}')"), "2")
        self.assertEqual(self.server.ask("SELECT string_agg(DISTINCT m.name, ' ' ORDER BY m.name) FROM dvpe.event e JOIN dvpe.machine m ON m.id = e.node"), "n1 n2")

    # ---- once

    def test_what_was_shipped_already_is_not_taken_again(self):
        first, then = [event() for _ in range(3)], [event() for _ in range(2)]
        self.assertEqual(self.node.sql(ship(self.spool, 0, first)), "3|3|0")
        self.assertEqual(self.node.sql(ship(self.spool, 0, first)), "3|0|0", "the answer was lost")
        self.assertEqual(self.node.sql(ship(self.spool, 1, first[1:] + then)), "3|0|0", "another cut of it: all or nothing")
        self.assertEqual(self.node.sql(ship(self.spool, 3, then)), "5|2|0")
        self.assertEqual(self.server.ask("SELECT count(*) FROM dvpe.event"), "5")
        self.assertEqual(self.server.ask("SELECT count(*) FROM dvpe.event_batch"), "2")

    def test_numbers_that_cannot_be_read_any_more_are_skipped_and_counted(self):
        self.node.sql(ship(self.spool, 0, [event()]))
        self.assertEqual(self.node.sql(ship(self.spool, 11, [event()], end=14)), "14|1|0")
        self.assertEqual(self.server.ask("SELECT from_event, to_event, events, skipped FROM dvpe.event_batch ORDER BY id DESC LIMIT 1"), "11|14|1|10")

    def test_the_same_event_from_two_nodes_is_one(self):
        e = event(DECIDED)
        self.assertEqual(self.ships([e, e, event()]), "3|2|0")
        self.assertEqual(self.ships([e], self.second), "1|0|0")
        self.assertEqual(self.server.ask("SELECT count(*) FROM dvpe.event_batch WHERE rolled"), "1", "there is nothing to count in that one")

    def test_two_that_ship_the_same_events_at_once_do_not_wait_for_each_other(self):
        events = [event(channel=f"c{n % 50}") for n in range(2000)]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda n: self.ships(random.Random(n).sample(events, 2000), (self.node, self.second)[n % 2]), range(4)))
        self.assertEqual(sum(int(a.split("|")[1]) for a in answers), 2000)
        self.assertEqual(self.server.ask("SELECT count(*), count(DISTINCT channel) FROM dvpe.event_place"), "50|50")

    # ---- what is taken

    def test_a_place_is_kept_once_and_told_apart(self):
        places = [dict(channel="one", variant="a"), dict(channel="one", variant="", rule="a"), dict(channel="one", variant="a"),
                  dict(channel='o"n,e\\', variant="ä{}"), dict()]
        self.ships([event(**p) for p in places])
        self.ships([event(**p) for p in places])
        self.assertEqual(self.server.ask("SELECT count(*) FROM dvpe.event_place"), "4")
        for p in places:
            where = " AND ".join(f"p.{name} = {quoted(p.get(name, ''))}" for name in PLACE)
            self.assertEqual(self.server.ask(f"SELECT count(*) FROM dvpe.event e JOIN dvpe.event_place p ON p.id = e.place WHERE {where}"),
                             str(2 * places.count(p)))

    def test_what_was_written_is_what_is_kept(self):
        e = event(DELIVERED, at=TODAY * 86400 * 10 ** 6 + 123456, visitor=-5, slot=3, value=-7, weight=2.5, text="délivré", sealed="\\x0102", **{"break": 9})
        self.ships([e])
        kept = self.server.ask("SELECT day - date '1970-01-01', id, extract(epoch FROM at) * 1000000, kind, session, visitor, break_number, slot, value, weight, "
                               "text, sealed FROM dvpe.event").split("|")
        self.assertEqual(kept[2].split(".")[0], str(e["at"]))
        self.assertEqual(kept[:2] + kept[3:], [str(e[n]) for n in ("day", "id", "kind", "session", "visitor", "break", "slot", "value", "weight", "text", "sealed")])

    def test_events_that_may_not_be_taken_are_counted_and_disturb_nobody(self):
        noon = TODAY * 86400 * 10 ** 6
        bad = [event(day=TODAY - 8), event(day=TODAY + 2), event(day=2 ** 31 - 1, at=0), event(day=-2 ** 31, at=0), event(at=noon + 3 * 86400 * 10 ** 6),
               event(at=-2 ** 63), event(kind=0), event(kind=300), event(weight=0), event(weight="'NaN'"), event(weight="'Infinity'"), event(text="x" * 513),
               event(sealed="\\x" + "00" * 4097), event(channel="x" * 129), event(id=None), event(session=None), event(value="NULL"), event(day="NULL", at=0)]
        good = [event(), event(day=TODAY - 7), event(day=TODAY + 1)]
        self.assertEqual(self.ships(bad + good), f"{len(bad + good)}|{len(good)}|{len(bad)}")
        self.assertEqual(self.node.sql(ship(self.spool, 0, [event(), event()], place="ARRAY[7,-1]::int[]")), "2|0|2", "no such place")
        self.assertEqual(self.node.sql(ship(self.spool, 2, [], end=9)), "9|0|0", "nothing could be read")
        self.assertEqual(self.server.ask("SELECT count(*) FROM dvpe.event"), "3")

    def test_a_batch_that_is_none_is_refused_with_a_reason(self):
        two = [event(), event()]
        for what, call in (("50,000", ship(self.spool, 0, two, end=1)), ("50,000", ship(self.spool, -1, two)), ("50,000", ship(self.spool, 0, two, spool="NULL")),
                           ("50,000", ship(self.spool, 0, two, places="ARRAY['a','b']")), ("one length", ship(self.spool, 0, two, day="ARRAY[1]::int[]")),
                           ("one length", ship(self.spool, 0, two, sealed="NULL")), ("50,000", ship(self.spool, 0, two, id="NULL")),
                           ("50,000", ship(self.spool, 0, two, end=10 ** 6, id="array_fill(gen_random_uuid(), ARRAY[50001])"))):
            self.assertIn(what, self.node.refused(call))
        self.assertEqual(self.node.sql(f"SELECT events.watermark('{self.spool}')"), "0")

    # ---- counting

    def crowd(self, count: int = 3000, seed: int = 1) -> list[dict]:
        """Events of three days about some places, some weighing more than one."""
        r = random.Random(seed)
        out = []
        for _ in range(count):
            day = TODAY - r.randrange(3)
            out.append(event(r.choice((HEARTBEAT, DECIDED, DELIVERED, STARTED)), day, day * 86400 * 10 ** 6 + r.randrange(86400) * 10 ** 6 + r.randrange(10 ** 6),
                             visitor=r.randrange(1, 400), value=r.randrange(1000), weight=r.choice((1, 1, 2, 0.5)), channel=r.choice(("one", "two")),
                             variant=r.choice(("", "a", "b")), rule=r.choice(("", "r1")), campaign=r.choice(("", "summer", "winter")), line=r.choice(("l1", "l2")),
                             creative=r.choice(("c1", "c2")), country=r.choice(("DE", "FR", "")), device=r.choice(("tv", "phone")), arm=r.choice(("", "x"))))
        return out

    GROUPS = {"channel": ("channel",), "channel_variant": ("channel", "variant"), "channel_rule": ("channel", "rule"), "channel_country": ("channel", "country"),
              "channel_device": ("channel", "device"), "channel_arm": ("channel", "arm"), "campaign_creative": ("campaign", "channel", "line", "creative"),
              "campaign_country": ("campaign", "country"), "campaign_device": ("campaign", "device")}

    def test_what_is_counted_is_what_an_independent_count_finds(self):
        events = self.crowd()
        for n in range(0, len(events), 500):
            self.ships(events[n:n + 500], (self.node, self.second)[n // 500 % 2])
        self.assertEqual([self.roll(4), self.roll(4), self.roll(4)], [4, 2, 0], "in several goes, and each batch once")
        expected: dict[tuple, list[float]] = collections.defaultdict(lambda: [0.0, 0.0])
        seen = collections.defaultdict(set)
        for e in events:
            for name, texts in self.GROUPS.items():
                if not e[texts[0]]:
                    continue
                group = (name, e[texts[0]], json.dumps([e[t] for t in texts[1:]]), e["kind"])
                for grain, seconds in (("minute", 60), ("hour", 3600), ("day", 86400)):
                    cell = expected[(*group, grain, e["at"] // 10 ** 6 // seconds * seconds)]
                    cell[0] += e["weight"]
                    cell[1] += e["weight"] * e["value"]
                seen[(*group, e["at"] // 10 ** 6 // 3600 * 3600)].add(e["visitor"])
        rows = self.server.ask("SELECT grouping_name, subject, to_json(keys), kind, grain, extract(epoch FROM bucket)::bigint, count, value FROM dvpe.event_rollup")
        counted = {}
        for row in rows.splitlines():
            name, subject, keys, kind, grain, bucket, count, value = row.split("|")
            counted[(name, subject, json.dumps(json.loads(keys)), int(kind), grain, int(bucket))] = [float(count), float(value)]
        self.assertEqual(counted, dict(expected))
        rows = self.server.ask("SELECT grouping_name, subject, to_json(keys), kind, extract(epoch FROM bucket)::bigint, events.reach_count(visitors) FROM dvpe.event_reach")
        reach = {}
        for row in rows.splitlines():
            name, subject, keys, kind, bucket, people_ = row.split("|")
            reach[(name, subject, json.dumps(json.loads(keys)), int(kind), int(bucket))] = int(people_)
        self.assertEqual(reach, {group: len(who) for group, who in seen.items()})

    def test_a_batch_is_counted_once_however_often_and_by_whomever(self):
        self.ships([event(channel="one")])
        epoch = self.epoch()
        self.carl.sql(f"BEGIN; SELECT events.roll(10, {epoch}); ROLLBACK")
        self.assertEqual(self.roll(), 1)
        self.assertEqual(self.roll(), 0)
        self.assertEqual(self.server.ask("SELECT count FROM dvpe.event_rollup WHERE grain = 'day' AND grouping_name = 'channel'"), "1")
        self.assertEqual(self.roll(0), 0)

    def test_who_differs_is_counted_within_a_tenth(self):
        for start in range(1, 30001, 10000):
            self.server.ask("INSERT INTO dvpe.event_reach VALUES ('channel', 'one', '2026-01-01Z', '{}', 2, (ARRAY(SELECT DISTINCT (hashint8extended(v, 0) >> 32)::int h "
                            f"FROM generate_series({start}, {start + 14999}) v ORDER BY 1))[1:1024]) ON CONFLICT ON CONSTRAINT event_reach_pkey "
                            "DO UPDATE SET visitors = events.reach_merged(event_reach.visitors, excluded.visitors)")
        people_ = int(self.server.ask("SELECT events.reach_count(visitors) FROM dvpe.event_reach"))
        self.assertLess(abs(people_ - 35000), 3500)

    # ---- what is told

    def hour(self, hours_ago: int) -> int:
        return int(time.time()) // 3600 * 3600 - hours_ago * 3600

    def at(self, second: int) -> dict:
        return {"day": second // 86400, "at": second * 10 ** 6 + 5}

    def test_a_campaigns_own_figures_are_exact_and_for_its_own(self):
        start = self.hour(3)
        self.ships([event(kind, channel="one", campaign=campaign, line="l", creative=creative, **self.at(start + 60 * n))
                    for n, (kind, campaign, creative) in enumerate([(DECIDED, "summer", "a"), (DECIDED, "summer", "a"), (DELIVERED, "summer", "a"), (STARTED, "summer", "b"),
                                                                    (DECIDED, "winter", "a")])])
        self.roll()

        def ask(campaign, first=start, last=start + 3600):
            return f"SELECT * FROM analytics.delivery('{campaign}', to_timestamp({first}), to_timestamp({last}))"
        whole = "one|l|a|2|1|0\none|l|b|0|0|1"
        for who in (self.adam, self.olga, self.ada):
            self.assertEqual(who.as_proved(ask("summer")), whole, who.name)
        self.assertEqual(self.adam.as_proved(ask("summer", start + 60, start + 120)), "one|l|a|1|0|0")
        self.assertEqual(self.adam.as_proved(ask("summer", start // 86400 * 86400 - 86400, start // 86400 * 86400 + 172800)), whole, "by days")
        for who, campaign in ((self.bert, "summer"), (self.adam, "winter"), (self.adam, "none"), (self.anna, "summer"), (self.cleo, "summer")):
            self.assertIn("not a campaign of yours", who.refused_proved(ask(campaign)), who.name)
        self.assertIn("not a campaign of yours", self.adam.refused(ask("summer")), "without the second factor")
        self.assertIn("whole minute", self.adam.refused_proved(ask("summer", start + 1)))
        self.assertIn("whole minute", self.adam.refused_proved(ask("summer", start, start)))
        self.node.refused(ask("summer"))

    def test_two_organisations_with_one_name_the_one_on_the_air_is_told(self):
        release = json.dumps({"documents": [{"kind": "campaign", "id": "summer", "organisation": "bank"}]})
        self.server.ask(f"INSERT INTO dvpe.keys_revision VALUES (1, '{{}}', '[]'); INSERT INTO dvpe.release (sequence, base, keys_revision, contents, key, signature, coordinator) "
                        f"SELECT 1, 0, 1, {quoted(release)}, '{'a' * 16}', '\\x{'00' * 64}', id FROM dvpe.machine WHERE name = 'carl'")
        try:
            ask = "SELECT count(*) FROM analytics.delivery('summer', '2026-01-01Z', '2026-01-02Z')"
            self.assertEqual(self.bert.as_proved(ask), "0")
            self.adam.refused_proved(ask)
        finally:
            self.server.ask("DELETE FROM dvpe.release; DELETE FROM dvpe.keys_revision")

    def breakdown(self, who, first, last, dimension="country", channel="one"):
        rows = who.as_proved(f"SELECT key, kind, count FROM analytics.breakdown('{channel}', '{dimension}', to_timestamp({first}), to_timestamp({last}))")
        return {(k, int(kind)): float(count) for k, kind, count in (row.split("|") for row in rows.splitlines())}

    def viewers(self, hour, **cells) -> list[dict]:
        """country=how many viewers, each with one heartbeat in this hour."""
        r = random.Random(hour)
        return [event(channel="one", country=country, device="tv", visitor=r.randrange(1, 2 ** 62), **self.at(hour + n % 60 * 60))
                for country, count in cells.items() for n in range(count)]

    def test_a_cell_of_fewer_than_twenty_is_not_told_nor_found_by_subtraction(self):
        hour = self.hour(9)
        self.ships(self.viewers(hour, DE=40, FR=20, AT=19) + self.viewers(hour + 3600, DE=30, FR=25) + self.viewers(hour + 7200, DE=19)
                   + self.viewers(hour + 10800, DE=21, FR=1, AT=2) + self.viewers(hour + 14400, DE=500))
        self.roll()
        one = {n: self.breakdown(self.anna, hour + n * 3600, hour + (n + 1) * 3600) for n in range(5)}
        self.assertEqual(one[0], {("DE", 2): 40}, "AT is too few; FR, the next, would give it away")
        self.assertEqual(one[1], {("DE", 2): 30, ("FR", 2): 25})
        self.assertEqual(one[2], {})
        self.assertEqual(one[3], {}, "nothing is left that would not tell of the others")
        self.assertEqual(one[4], {("DE", 2): 500})
        self.assertEqual(self.breakdown(self.anna, hour, hour + 5 * 3600), {("DE", 2): 570, ("FR", 2): 25})
        # Every range that may be asked is a sum of the same cells: their differences are too.
        for first in range(5):
            for last in range(first + 1, 6):
                total = collections.Counter()
                for n in range(first, last):
                    total.update(one[n])
                self.assertEqual(self.breakdown(self.anna, hour + first * 3600, hour + last * 3600), dict(total))
        self.assertEqual(self.breakdown(self.anna, hour, hour + 3600, "device"), {("tv", 2): 79})

    def test_many_events_of_few_viewers_are_few_viewers(self):
        hour = self.hour(5)
        same = [dict(e, visitor=1 + n % 19) for n, e in enumerate(self.viewers(hour, DE=200))]
        nobody = [dict(e, visitor=0) for e in self.viewers(hour, FR=200)]
        self.ships(same + nobody)
        self.roll()
        self.assertEqual(self.breakdown(self.anna, hour, hour + 3600), {})

    def test_an_hour_that_is_not_over_is_not_broken_down(self):
        hour = self.hour(0)
        self.ships([dict(e, at=hour * 10 ** 6) for e in self.viewers(hour, DE=100)])
        self.roll()
        self.assertEqual(self.breakdown(self.anna, hour, hour + 3600), {})

    def test_a_channels_figures_are_for_who_runs_it(self):
        day = TODAY * 86400
        calls = (f"SELECT * FROM analytics.breakdown('one', 'country', to_timestamp({day - 86400}), to_timestamp({day}))",
                 f"SELECT * FROM analytics.concurrents('one', to_timestamp({day - 86400}), to_timestamp({day}))")
        for call in calls:
            for who in (self.anna, self.cleo, self.bob, self.olga, self.ada):
                self.assertEqual(who.as_proved(call), "")
                self.assertIn("not a channel of yours", who.refused(call))
            for who in (self.adam, self.bert):
                self.assertIn("not a channel of yours", who.refused_proved(call))
            self.node.refused(call)
            self.assertIn("not a channel of yours", self.anna.refused_proved(call.replace("'one'", "'none'")))
        self.assertIn("no breakdown", self.anna.refused_proved(calls[0].replace("country", "visitor")))
        self.assertIn("whole hour", self.anna.refused_proved(calls[0].replace(f"({day})", f"({day + 60})")))
        self.assertIn("31 days", self.anna.refused_proved(calls[1].replace(f"({day - 86400})", f"({day - 32 * 86400})")))

    def test_how_many_watch_is_told_by_minutes(self):
        hour = self.hour(2)
        self.ships([event(channel="one", value=10, visitor=n, **self.at(hour + 60 + s)) for n in range(1, 4) for s in range(0, 60, 10)]
                   + [event(channel="one", value=10, weight=2, **self.at(hour + 120 + s)) for s in range(0, 60, 20)])
        self.roll()
        self.assertEqual(self.anna.as_proved(f"SELECT extract(epoch FROM minute)::bigint, viewers FROM analytics.concurrents('one', to_timestamp({hour}), to_timestamp({hour + 300}))"),
                         f"{hour + 60}|3\n{hour + 120}|1")

    # ---- what goes

    def test_what_is_old_goes_and_the_rest_stays(self):
        def retain():
            return json.loads(self.carl.sql(f"SELECT registry.retain({self.epoch()})"))
        self.ships([event(channel="one", visitor=3, day=TODAY - n) for n in range(3)])
        self.roll()
        retain()
        self.assertEqual(retain(), {}, "nothing is old")
        self.assertEqual(self.server.ask("SELECT count(*) FROM pg_inherits WHERE inhparent = 'dvpe.event'::regclass AND inhrelid::regclass::text IN "
                                         f"(SELECT 'dvpe.event_' || to_char(date '1970-01-01' + {TODAY} + n, 'YYYYMMDD') FROM generate_series(0, 1) n)"), "2", "today and tomorrow are there")
        for days in (30, 31, 40):
            day = f"date '1970-01-01' + {TODAY - days}"
            name = self.server.ask(f"SELECT 'dvpe.event_' || to_char({day}, 'YYYYMMDD')")
            first, then = self.server.ask(f"SELECT {day}, {day} + 1").split("|")
            self.server.ask(f"CREATE TABLE {name} PARTITION OF dvpe.event FOR VALUES FROM ('{first}') TO ('{then}'); ALTER TABLE {name} OWNER TO dvpe_owner;"
                            f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        self.server.ask("UPDATE dvpe.event_rollup SET bucket = bucket - interval '91 days'; UPDATE dvpe.event_reach SET bucket = bucket - interval '91 days';"
                        "UPDATE dvpe.event_batch SET at = at - interval '31 days'")
        self.ships([event(channel="one")])
        minutes = int(self.server.ask("SELECT count(*) FROM dvpe.event_rollup WHERE grain = 'minute'"))
        sketches = int(self.server.ask("SELECT count(*) FROM dvpe.event_reach"))
        self.assertGreater(min(minutes, sketches), 2)
        self.assertEqual(retain(), {"event_days": 2, "event_minutes": minutes, "event_sketches": sketches, "event_batches": 1})
        self.assertEqual(retain(), {})
        self.assertEqual(self.server.ask("SELECT grain FROM dvpe.event_rollup GROUP BY grain ORDER BY 1"), "day\nhour")
        self.assertEqual(self.server.ask("SELECT count(*) FROM dvpe.event"), "4")
        self.assertEqual(self.server.ask("SELECT count(*) FROM dvpe.audit_entry WHERE what = 'retention' AND before ? 'event_days'"), "1")
        self.assertEqual(json.loads(self.node_program("db", "check", "--json"))["loose"], [])


if __name__ == "__main__":
    unittest.main()
