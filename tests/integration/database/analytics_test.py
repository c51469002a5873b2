#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""Every figure that is told, against one computed from the raw events here, in Python, by other means: a week of a channel."""
from __future__ import annotations

import collections
import datetime
import functools
import json
import pathlib
import sys
import time
import unittest
import zoneinfo

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
import events_week  # noqa: E402
import people  # noqa: E402
from people import Person, quoted  # noqa: E402
from shipping import TODAY, event, ship  # noqa: E402

HOUR, DAY = 3600, 86400
FIRST = (TODAY - 7) * DAY
LAST = TODAY * DAY
UTC = datetime.timezone.utc


def stamp(second: float) -> str:
    return f"to_timestamp({int(second)})"


def local(second: int, zone: str) -> str:
    """'2026-03-01T00:00:00+01:00' of a moment in a zone."""
    return datetime.datetime.fromtimestamp(second, zoneinfo.ZoneInfo(zone)).isoformat()


def campaign_body(zone: str = "Europe/Berlin") -> dict:
    begin = datetime.datetime.fromtimestamp(FIRST, zoneinfo.ZoneInfo(zone)).replace(tzinfo=None)
    until = begin + datetime.timedelta(days=14)
    return {"timezone": zone, "currency": "CHF", "flight": {"from": begin.isoformat(), "until": until.isoformat()}, "lines": [
        {"id": "reach", "goal": {"impressions": 8000}, "price": {"cpm": "18.505001"}, "budget": {"total": "1000"}, "billOn": "confirmed",
         "creatives": [{"creative": "film-long"}]},
        {"id": "rest", "price": {"cpcv": "0.031"}, "goal": {"completedViews": 2000}, "flight": {"from": (begin + datetime.timedelta(days=1)).isoformat()},
         "creatives": [{"creative": "film-short"}]},
        {"id": "fixed", "price": {"flat": "700"}, "goal": {"shareOfVoice": 20}, "creatives": [{"creative": "film-long"}]},
        {"id": "house", "creatives": [{"creative": "film-long"}]}]}


def store(server, owner: str, kind: str, name: str, body: dict) -> None:
    text = people.document(kind, name, 1, owner, body)
    server.ask("INSERT INTO dvpe.revision (organisation, kind, document, revision, digest, contents, key, signature) VALUES "
               f"('{owner}', '{kind}', '{name}', 1, sha256('{kind}{name}'), convert_to({quoted(text)}, 'UTF8'), '{'a' * 16}', '\\x{'00' * 64}')")


class Analytics(people.Town, unittest.TestCase):
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.anna = Person(cls.server, "anna", ["analyst"])
        store(cls.server, "demo", "channel", "one", {})
        store(cls.server, "demo", "channel", "two", {})
        store(cls.server, "shop", "campaign", "summer", campaign_body())
        store(cls.server, "bank", "campaign", "winter", {"creatives": ["snow"]})
        cls.events = events_week.week(7, TODAY - 7)
        assert events_week.ship_week(cls.node, cls.events) == len(cls.events)
        events_week.roll(cls.carl)

    def rows(self, who, sql: str) -> list[dict]:
        out = who.as_proved(f"SELECT coalesce(json_agg(x), '[]') FROM (SELECT * FROM {sql}) x")
        return json.loads(out)

    def same(self, told: dict, expected: dict) -> None:
        """Numbers up to what adding in another order does to the last digits."""
        self.assertEqual(sorted(told), sorted(expected))
        for key, want in expected.items():
            for name, value in want.items():
                if value is None or told[key][name] is None:
                    self.assertEqual(told[key][name], value, (key, name))
                else:
                    self.assertAlmostEqual(told[key][name], value, delta=1e-9 * max(1, abs(value)), msg=(key, name))

    # ---- time

    @staticmethod
    @functools.lru_cache(1 << 16)
    def truncated_minute(second: int, step: str, zone: str) -> int:
        at = datetime.datetime.fromtimestamp(second, zoneinfo.ZoneInfo(zone))
        if step == "day":
            return int(at.replace(hour=0, minute=0, second=0, fold=0).timestamp())
        return second - (at.minute * 60 if step == "hour" else 0)

    def truncated(self, second: int, step: str, zone: str) -> int:
        return self.truncated_minute(second // 60 * 60, step, zone)

    def buckets(self, first: int, last: int, step: str, zone: str) -> dict[int, int]:
        """Beginning -> seconds of it that are asked for."""
        out: dict[int, int] = collections.Counter()
        for minute in range(first, last, 60):
            out[self.truncated(minute, step, zone)] += 60
        return dict(out)

    ASKED = ((FIRST, LAST, "day", "Europe/Berlin"), (FIRST + 5 * HOUR, FIRST + 40 * HOUR, "hour", "UTC"),
             (FIRST + DAY, FIRST + 3 * DAY, "day", "Asia/Kolkata"), (FIRST + DAY, FIRST + 2 * DAY, "hour", "Asia/Kolkata"),
             (FIRST + 19 * HOUR, FIRST + 20 * HOUR + 600, "minute", "America/New_York"), (FIRST + 700 * 60, FIRST + 905 * 60, "hour", "Europe/Berlin"))

    def each_range(self, function: str, subject: str, who):
        """(what is told by bucket, buckets with seconds, events by bucket and kind), for several ranges, steps and zones."""
        for first, last, step, zone in self.ASKED:
            with self.subTest(f"{function} {step} {zone}"):
                rows = self.rows(who, f"analytics.{function}('{subject}', {stamp(first)}, {stamp(last)}, '{step}', '{zone}')")
                told = {int(datetime.datetime.fromisoformat(r["bucket"]).timestamp()): r for r in rows}
                self.assertEqual(list(told), sorted(told))
                kinds = collections.defaultdict(lambda: collections.defaultdict(list))
                for e in self.events:
                    second = e["at"] // 10 ** 6
                    if first <= second < last:
                        kinds[self.truncated(second, step, zone)][e["kind"]].append(e)
                yield told, self.buckets(first, last, step, zone), kinds

    @staticmethod
    def count(events) -> float:
        return sum(e["weight"] for e in events)

    @staticmethod
    def total(events) -> float:
        return sum(e["weight"] * e["value"] for e in events)

    def test_viewers(self):
        for told, buckets, kinds in self.each_range("viewers", "one", self.anna):
            expected = {}
            for b, seconds in buckets.items():
                minutes = collections.Counter()
                for e in kinds[b][2]:
                    minutes[e["at"] // 60000000] += e["value"]
                expected[b] = {"viewers": self.total(kinds[b][2]) / seconds, "peak": max(minutes.values(), default=0) / 60}
            self.same(told, expected)

    def test_engagement(self):
        for told, buckets, kinds in self.each_range("engagement", "one", self.cleo):
            self.same(told, {b: {
                "started": self.count(kinds[b][1]), "ended": self.count(kinds[b][3]), "watched_hours": self.total(kinds[b][2]) / 3600,
                "minutes_per_session": self.total(kinds[b][3]) / self.count(kinds[b][3]) / 60 if kinds[b][3] else None,
                "feedback": self.count(kinds[b][60])} for b in buckets})

    def test_quality(self):
        for told, buckets, kinds in self.each_range("qoe", "one", self.anna):
            expected = {}
            for b in buckets:
                k, stalled = kinds[b], self.total(kinds[b][42]) / 1000
                watched = self.total(k[2])
                expected[b] = {"startups": self.count(k[41]), "startup_ms": self.total(k[41]) / self.count(k[41]) if k[41] else None,
                               "stalls": self.count(k[42]), "stalled_seconds": stalled, "errors": 0,
                               "stall_ratio": stalled / (stalled + watched) if stalled + watched else None,
                               "bitrate": self.total(k[43]) / self.count(k[43]) if k[43] else None,
                               "latency_ms": sum(e["weight"] * int(e["text"]) for e in k[43]) / self.count(k[43]) if k[43] else None}
            self.same(told, expected)

    def test_fill(self):
        for told, buckets, kinds in self.each_range("fill", "one", self.anna):
            expected = {}
            for b in buckets:
                room, put, fetched = (self.total(kinds[b][n]) for n in (14, 20, 21))
                expected[b] = {"break_units": room if kinds[b][14] else None, "filled_units": put, "served_units": fetched,
                               "filled": put / room if room else None, "served": fetched / put if put else None}
            self.same(told, expected)

    def test_delivery_over_time_and_the_funnel_of_a_campaign(self):
        for told, buckets, kinds in self.each_range("delivery_over_time", "summer", self.adam):
            self.same(told, {b: {name: sum(e["campaign"] == "summer" for e in kinds[b][kind]) for name, kind in
                                 (("decided", 20), ("delivered", 21), ("confirmed", 22), ("completed", 26), ("clicked", 28))} for b in buckets})
        names = {20: "decided", 21: "delivered", 22: "started", 23: "first_quartile", 24: "midpoint", 25: "third_quartile", 26: "complete", 27: "skipped", 28: "clicked"}
        first, last = FIRST + 100 * 60, LAST - 7 * 60
        expected = collections.defaultdict(lambda: dict.fromkeys(names.values(), 0))
        for e in self.events:
            if e["campaign"] == "summer" and e["kind"] in names and first <= e["at"] // 10 ** 6 < last:
                expected[e["line"] + "/" + e["creative"]][names[e["kind"]]] += 1
        told = self.rows(self.adam, f"analytics.campaign_funnel('summer', {stamp(first)}, {stamp(last)})")
        self.same({r["line"] + "/" + r["creative"]: r for r in told}, expected)

    def raw_day(self, day: datetime.date, seconds: list[int]) -> None:
        """Heartbeats of a minute each of a day that nobody can ship any more, as if they had come then; not counted yet."""
        name, text = f"dvpe.event_{day:%Y%m%d}", day.isoformat()
        values = ", ".join(f"('{text}', gen_random_uuid(), p, n, to_timestamp({s}), 2, gen_random_uuid(), {9000 + s % 977}, 0, 0, 60, 1, '', b)" for s in seconds)
        self.server.ask(
            f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF dvpe.event FOR VALUES FROM ('{text}') TO ('{day + datetime.timedelta(1)}');"
            "DO $$ DECLARE p bigint; n uuid; b bigint; BEGIN "
            "INSERT INTO dvpe.event_place (digest, channel, variant, rule, campaign, line, creative, content, country, device, arm) VALUES "
            "(sha256('two'), 'two', '', '', '', '', '', '', '', '', '') ON CONFLICT (digest) DO UPDATE SET channel = 'two' RETURNING id INTO p;"
            "SELECT id INTO n FROM dvpe.machine LIMIT 1;"
            f"INSERT INTO dvpe.event_batch (node, spool, from_event, to_event, events, inserted, refused, skipped, first_day, last_day) VALUES "
            f"(n, gen_random_uuid(), 0, {len(seconds)}, {len(seconds)}, {len(seconds)}, 0, 0, '{text}', '{text}') RETURNING id INTO b;"
            f"INSERT INTO dvpe.event (day, id, place, node, at, kind, session, visitor, break_number, slot, value, weight, text, batch) VALUES {values};"
            "END $$")

    def test_a_day_on_which_clocks_change(self):
        zone = zoneinfo.ZoneInfo("Europe/Berlin")
        for day, hours in ((datetime.date(2025, 10, 26), 25), (datetime.date(2026, 3, 29), 23)):
            begin = int(datetime.datetime.combine(day, datetime.time(), zone).timestamp())
            end = int(datetime.datetime.combine(day + datetime.timedelta(1), datetime.time(), zone).timestamp())
            self.assertEqual(end - begin, hours * HOUR)
            for utc_day in (day - datetime.timedelta(1), day):
                midnight = int(datetime.datetime.combine(utc_day, datetime.time(), UTC).timestamp())
                self.raw_day(utc_day, [s + 30 for s in range(midnight, midnight + DAY, 600)])
            events_week.roll(self.carl)
            call = f"analytics.viewers('two', {stamp(begin)}, {stamp(end)}, '%s', 'Europe/Berlin')"
            one = self.rows(self.anna, call % "day")
            self.assertEqual([(int(datetime.datetime.fromisoformat(r["bucket"]).timestamp()), round(r["viewers"], 9), r["peak"]) for r in one], [(begin, 0.1, 1)],
                             "a day of 25 or 23 hours is one day, and its average is over as many hours")
            each = self.rows(self.anna, call % "hour")
            self.assertEqual([int(datetime.datetime.fromisoformat(r["bucket"]).timestamp()) for r in each], list(range(begin, end, HOUR)),
                             "the hour that comes twice is two, the one that is left out is none")
            self.assertTrue(all(round(r["viewers"], 9) == 0.1 for r in each))
            two = self.rows(self.anna, f"analytics.engagement('two', {stamp(begin)}, {stamp(end)}, 'day', 'Europe/Berlin')")
            self.assertEqual([r["watched_hours"] for r in two], [hours * 6 * 60 / 3600])

    def test_what_is_no_zone_no_step_and_no_range(self):
        call = "SELECT * FROM analytics.viewers('one', {}, {}, '{}', '{}')"
        for first, last, step, zone, why in ((FIRST, LAST, "day", "Mars/Olympus", "time zone"), (FIRST, LAST, "day", "XYZ+3", "time zone"), (FIRST, LAST, "day", "", "time zone"),
                                             (FIRST, LAST, "week", "UTC", "minute, hour or day"), (FIRST + 1, LAST, "day", "UTC", "whole minute"),
                                             (LAST, FIRST, "day", "UTC", "whole minute"), (LAST - 401 * DAY, LAST, "day", "UTC", "400 days"),
                                             (LAST - 32 * DAY, LAST, "minute", "UTC", "31 by minutes")):
            for function in ("viewers", "engagement", "qoe", "fill"):
                self.assertIn(why, self.anna.refused_proved(call.replace("viewers", function).format(stamp(first), stamp(last), step, zone)))
            self.assertIn(why, self.adam.refused_proved(call.replace("viewers('one'", "delivery_over_time('summer'").format(stamp(first), stamp(last), step, zone)))

    # ---- the rule of twenty

    def cells(self, dimension: str, first: int, last: int) -> dict:
        """{(hour, key, kind): (count, value)} that may be told: counted from events, by the rule as the reference has it."""
        cells = collections.defaultdict(lambda: [0.0, 0.0, set()])
        for e in self.events:
            if first <= e["at"] // 10 ** 6 < last:
                cell = cells[e["at"] // 10 ** 6 // HOUR * HOUR, e["kind"], e[dimension]]
                cell[0] += e["weight"]
                cell[1] += e["weight"] * e["value"]
                cell[2] |= {e["visitor"]} - {0}
        hours = collections.defaultdict(dict)
        for (hour, kind, key), cell in cells.items():
            hours[hour, kind][key] = cell
        out = {}
        for (hour, kind), keys in hours.items():
            enough = sorted((len(c[2]), key) for key, c in keys.items() if len(c[2]) >= 20)
            if len(enough) < len(keys):
                enough = enough[1:]
            out.update({(hour, key, kind): tuple(keys[key][:2]) for _, key in enough})
        return out

    def test_breakdown_funnel_and_impact(self):
        for dimension, shown in (("country", 1), ("device", 1), ("variant", 10), ("rule", 12)):
            for first, last in ((FIRST, LAST), (FIRST + 17 * HOUR, FIRST + 47 * HOUR)):
                cells = self.cells(dimension, first, last)
                self.assertGreater(len(cells), 10, dimension)
                told = self.rows(self.anna, f"analytics.breakdown('one', '{dimension}', {stamp(first)}, {stamp(last)})")
                sums = collections.defaultdict(lambda: [0.0, 0.0, 0])
                for (_, key, kind), (n, v) in cells.items():
                    for which, more in enumerate((n, v, 1)):
                        sums[key, kind][which] += more
                latencies = {k: v for k, v in ((f"{r['key']}/{r['kind']}", r) for r in told) if k.endswith("/343")}
                self.same({k: v for k, v in ((f"{r['key']}/{r['kind']}", r) for r in told) if k not in latencies},
                          {f"{key}/{kind}": {"count": n, "value": v, "hours": h} for (key, kind), (n, v, h) in sums.items()})
                funnel = self.rows(self.anna, f"analytics.funnel('one', '{dimension}', {stamp(first)}, {stamp(last)})")
                expected = collections.defaultdict(lambda: {"events": 0.0, "base": 0.0})
                for (hour, key, kind), (n, _) in cells.items():
                    step = {shown: 1, 22: 2, 26: 3, 28: 4}.get(kind)
                    if step and (hour, key, shown) in cells:
                        expected[f"{key}/{step}"]["events"] += n
                        expected[f"{key}/{step}"]["base"] += cells[hour, key, shown][0]
                for row in expected.values():
                    row["rate"] = row["events"] / row["base"]
                self.same({f"{r['key']}/{r['step']}": r for r in funnel}, expected)
        for metric, (above, a, below, b, scale) in {"watched": (2, 1, 1, 0, 1 / 60), "completion": (26, 0, 22, 0, 1), "clicks": (28, 0, 22, 0, 1), "stalls": (42, 1, 2, 1, 3.6),
                                                     "startup": (41, 1, 41, 0, 1)}.items():
            cells = self.cells("device", FIRST, LAST)
            tops, bottoms = collections.Counter(), collections.Counter()
            for (hour, key, kind), cell in cells.items():
                if kind == below and (hour, key, above) in cells:
                    tops[key] += cells[hour, key, above][a]
                    bottoms[key] += cell[b]
            whole = scale * sum(tops.values()) / sum(bottoms.values()) if bottoms else 0
            expected = {key: {"share": bottoms[key] / sum(bottoms.values()), "rate": scale * tops[key] / bottoms[key], "mean": whole,
                              "impact": bottoms[key] / sum(bottoms.values()) * (scale * tops[key] / bottoms[key] - whole)} for key in bottoms}
            told = self.rows(self.anna, f"analytics.impact('one', 'device', '{metric}', {stamp(FIRST)}, {stamp(LAST)})")
            self.same({r["key"]: r for r in told}, expected)
            self.assertEqual(told, sorted(told, key=lambda r: -abs(r["impact"])))
        self.assertIn("metrics are", self.anna.refused_proved(f"SELECT * FROM analytics.impact('one', 'device', 'x', {stamp(FIRST)}, {stamp(LAST)})"))

    def test_reach(self):
        monday = (TODAY - 7 + 3) // 7 * 7 - 3  # 1 January 1970 was a Thursday
        for scope, name, who, kind in (("channel", "one", self.anna, 2), ("campaign", "summer", self.adam, 21)):
            for period, days, first, last in (("day", 1, TODAY - 7, TODAY), ("week", 7, monday, monday + 14)):
                seen, times = collections.defaultdict(set), collections.Counter()
                for e in self.events:
                    if e["channel" if scope == "channel" else "campaign"] == name:
                        began = (e["at"] // 10 ** 6 // DAY - monday) // days * days + monday
                        if e["kind"] == kind:
                            seen[began] |= {e["visitor"]} - {0}
                        if e["kind"] == {2: 1, 21: 21}[kind]:
                            times[began] += 1
                expected = {}
                for began, viewers in seen.items():
                    if len(viewers) >= 20 and (began + days) * DAY <= time.time() - 900:
                        n = len(viewers) // 20 * 20
                        expected[str(datetime.date(1970, 1, 1) + datetime.timedelta(began))] = {"viewers": n, "events": times[began], "frequency": times[began] / n}
                as_date = "(date '1970-01-01' + {})".format
                told = self.rows(who, f"analytics.reach('{scope}', '{name}', '{period}', {as_date(first)}, {as_date(last)})")
                self.same({r["began"]: r for r in told}, expected)
                if period == "day":
                    self.assertEqual(len(told), 7)
        for call, why in (("'channel', 'one', 'day', '2026-01-02', '2026-01-02'", "whole days"), ("'channel', 'one', 'week', '2026-01-02', '2026-01-09'", "from Monday"),
                          ("'channel', 'one', 'day', '2026-01-02', '2026-06-02'", "13 weeks"), ("'channel', 'one', 'hour', '2026-01-02', '2026-01-03'", "whole days"),
                          ("'country', 'one', 'day', '2026-01-02', '2026-01-03'", "channel or a campaign")):
            self.assertIn(why, self.anna.refused_proved(f"SELECT * FROM analytics.reach({call})"))

    def retention(self, events, first: int, last: int) -> list[tuple[int, int]]:
        """(minute, per cent of the hour) from heartbeats: who was seen in which minute."""
        seen = collections.defaultdict(set)
        for e in events:
            if e["kind"] == 2 and e["visitor"]:
                for second in (e["at"] / 1e6, e["at"] / 1e6 - e["value"] / 2, e["at"] / 1e6 - e["value"]):
                    seen[int(second // 60)].add(e["visitor"])
        out = []
        for hour in range(first, last, HOUR):
            cohort = seen[hour // 60]
            if len(cohort) < 20:
                break
            last_seen = collections.Counter(max(m for m in range(60) if v in seen[hour // 60 + m]) for v in cohort)
            out.append((hour, 100))
            told = stay = len(cohort)
            for m in range(59):
                stay -= last_seen[m]
                if told - stay >= 20 and stay >= 20:
                    told = stay
                    out.append((hour + 60 * (m + 1), int(100 * stay / len(cohort) + 0.5)))
        return out

    def test_retention(self):
        lines = 0
        for day in range(7):
            first = FIRST + day * DAY + 18 * HOUR
            told = self.rows(self.anna, f"analytics.retention('one', {stamp(first)}, {stamp(first + 4 * HOUR)})")
            got = [(int(datetime.datetime.fromisoformat(r["minute"]).timestamp()), r["of_hour"]) for r in told]
            self.assertEqual(got, self.retention(self.events, first, first + 4 * HOUR))
            chain, share = 1.0, 100
            for (minute, percent), row in zip(got, told):
                if minute % HOUR == 0:
                    chain, share = chain * share / 100, 100
                share = percent
                self.assertAlmostEqual(row["of_all"], 100 * chain * percent / 100, delta=0.0501)
            lines += len(got)
        self.assertGreater(lines, 14)
        self.assertIn("at most 24", self.anna.refused_proved(f"SELECT * FROM analytics.retention('one', {stamp(FIRST)}, {stamp(FIRST + 25 * HOUR)})"))

    def test_retention_and_reach_of_many_are_near(self):
        """6,000 in the first minute of whom half leave after 20 minutes: only hashes of some are kept."""
        hour = FIRST + 3 * HOUR
        self.server.ask("INSERT INTO dvpe.event_presence SELECT 'two', to_timestamp({0}) + m * interval '1 minute', (ARRAY(SELECT (hashint8extended(v, 0) >> 32)::int h FROM "
                        "generate_series(1, CASE WHEN m < 20 THEN 6000 ELSE 3000 END) v ORDER BY 1))[1:512] FROM generate_series(0, 59) m".format(hour))
        told = self.rows(self.anna, f"analytics.retention('two', {stamp(hour)}, {stamp(hour + HOUR)})")
        self.assertEqual([datetime.datetime.fromisoformat(r["minute"]).minute for r in told], [0, 20])
        self.assertLess(abs(told[1]["of_hour"] - 50), 8)

    # ---- money

    def test_plan_and_revenue(self):
        body, zone = campaign_body(), zoneinfo.ZoneInfo("Europe/Berlin")
        moment = lambda text: int(datetime.datetime.fromisoformat(text).replace(tzinfo=zone).timestamp())  # noqa: E731
        begin, until, rest_begin = moment(body["flight"]["from"]), moment(body["flight"]["until"]), moment(body["lines"][1]["flight"]["from"])
        own = [(e["at"] // 10 ** 6, e["line"], e["kind"]) for e in self.events if e["campaign"] == "summer"]

        def counted(line, kind, first, last):
            return sum(first <= at < last and l == line and k == kind for at, l, k in own)
        for first, last in ((FIRST, LAST), (FIRST + 77 * 60, FIRST + 3 * DAY + 60), (FIRST - DAY, FIRST)):
            told = {r["line"]: (r["channel"], r["price_kind"], r["counted"], r["micros"], r["currency"]) for r in self.rows(self.adam, f"analytics.revenue('summer', {stamp(first)}, {stamp(last)})")}
            started, complete = counted("reach", 22, first, last), counted("rest", 26, first, last)
            flight = max(0, min(last, until) - max(first, begin))
            expected = {"fixed": ("", "flat", 0, (700000000 * flight * 2 + (until - begin)) // (2 * (until - begin)), "CHF")}
            if started:
                expected["reach"] = ("one", "cpm", started, (started * 18505001 * 2 + 1000) // 2000, "CHF")
                expected["rest"] = ("one", "cpcv", complete, complete * 31000, "CHF")
            self.assertEqual(told, expected)
        for at in (FIRST + 3 * DAY, FIRST + 10 * HOUR + 1799, FIRST - DAY, until + DAY):
            hour = at // HOUR * HOUR
            told = {r["line"]: r for r in self.rows(self.adam, f"analytics.plan('summer', {stamp(at)})")}
            self.assertEqual(sorted(told), ["fixed", "house", "reach", "rest"])
            for line, kind, goal, start, price in (("reach", 22, 8000, begin, None), ("rest", 26, 2000, rest_begin, 31000)):
                n = counted(line, kind, 0, hour)
                row = told[line]
                self.assertEqual((row["counted"], row["goal"]), (n, goal))
                gone = max(0.0, (min(hour, until) - start) / (until - start))
                self.assertLessEqual(abs(row["expected"] - goal * gone), 0.5001)
                if hour <= start:
                    self.assertEqual((row["per_hour"], row["projected"]), (None, None))
                elif hour >= until:
                    self.assertEqual((row["per_hour"], row["projected"]), (None, n))
                else:
                    pace = counted(line, kind, hour - DAY, hour) * HOUR / min(DAY, hour - start)
                    self.assertAlmostEqual(row["per_hour"], pace, places=9)
                    self.assertLessEqual(abs(row["projected"] - n - pace * (until - hour) / HOUR), 0.5001)
                spent = (n * 18505001 * 2 + 1000) // 2000 if price is None else n * price
                self.assertEqual((row["spent_micros"], row["currency"]), (spent, "CHF"))
            self.assertEqual(told["reach"]["budget_micros"], 1000000000)
            self.assertEqual([told["fixed"][k] for k in ("goal_kind", "counted", "expected", "projected")], ["shareOfVoice", None, None, None])
            self.assertEqual([told["house"][k] for k in ("goal", "expected", "spent_micros")], [None, None, None])

    # ---- who

    def test_who_is_told_what(self):
        rng, when = f"{stamp(FIRST)}, {stamp(LAST)}", f"{stamp(FIRST)}, {stamp(LAST)}, 'day', 'UTC'"
        days = "'2026-01-05', '2026-01-06'"
        channel = [f"viewers('one', {when})", f"engagement('one', {when})", f"qoe('one', {when})", f"fill('one', {when})", f"funnel('one', 'rule', {rng})",
                   f"impact('one', 'rule', 'clicks', {rng})", f"reach('channel', 'one', 'day', {days})", f"retention('one', {stamp(FIRST)}, {stamp(FIRST + HOUR)})"]
        campaign = [f"delivery_over_time('summer', {when})", f"campaign_funnel('summer', {rng})", f"revenue('summer', {rng})", f"plan('summer', {stamp(LAST)})",
                    f"reach('campaign', 'summer', 'day', {days})"]
        for calls, may, may_not in ((channel, (self.anna, self.cleo, self.olga, self.ada), (self.adam, self.bert)),
                                    (campaign, (self.adam, self.olga, self.ada), (self.bert, self.anna, self.cleo))):
            for call in calls:
                for who in may:
                    who.as_proved(f"SELECT count(*) FROM analytics.{call}")
                    self.assertIn("of yours", who.refused(f"SELECT count(*) FROM analytics.{call}"), "without the second factor")
                for who in may_not:
                    self.assertIn("of yours", who.refused_proved(f"SELECT count(*) FROM analytics.{call}"), who.name)
                for who in (self.node, self.carl):
                    self.assertIn("permission denied", who.refused(f"SELECT count(*) FROM analytics.{call}"))
        inner = [f"analytics.told_cells('one', 'rule', {rng})", f"analytics.sums('channel', 'one', '{{2}}', {when})", "analytics.lines_of('summer')",
                 "registry.body_of('campaign', 'summer')", "dvpe.event_presence"]
        for call in inner:
            for who in (self.ada, self.anna, self.adam):
                self.assertIn("permission denied", who.refused_proved(f"SELECT * FROM {call}"))


if __name__ == "__main__":
    unittest.main()
