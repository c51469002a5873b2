#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""What experiments came to: the functions against their definitions worked out another way, and who is told what."""
from __future__ import annotations

import collections
import datetime
import json
import math
import pathlib
import random
import statistics
import sys
import unittest
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import people  # noqa: E402
from events_test import HEARTBEAT, TODAY, event, ship  # noqa: E402
from people import Person, quoted  # noqa: E402

TUNING = 8.211968  # x = ln((x + 1) / 0.05^2)
ASSIGNED, COMPLETE, CLICKED, FEEDBACK = 13, 26, 28, 60
SIGNED = f"'{'a' * 16}', '\\x{'00' * 64}'"


def date(day: int) -> datetime.date:
    return datetime.date(1970, 1, 1) + datetime.timedelta(days=day)


def evidence(z: float, y: float, one_sided: bool = False) -> float:
    """The mixture's e-value from its definition: the mean of exp(lambda z - lambda^2 / 2) over lambda from N(0, y), for one side
    over its positive half; Simpson's rule."""
    sigma = math.sqrt(y)
    low, high, steps = (0 if one_sided else -12 * sigma), 12 * sigma, 4000
    width = (high - low) / steps
    total = 0.0
    for n in range(steps + 1):
        x = low + n * width
        density = math.exp(-x * x / (2 * y)) / (sigma * math.sqrt(2 * math.pi)) * (2 if one_sided else 1)
        total += (1 if n in (0, steps) else 4 if n % 2 else 2) * math.exp(x * z - x * x / 2) * density
    return total * width / 3


def edge(y: float, alpha: float, one_sided: bool = False) -> float:
    """The z whose evidence is 1 / alpha."""
    low, high = 0.0, 60.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if evidence(middle, y, one_sided) < 1 / alpha else (low, middle)
    return low


def standard_error(control, arm) -> float:
    """The larger of Welch's and the pooled one, of the values themselves."""
    welch = statistics.variance(control) / len(control) + statistics.variance(arm) / len(arm)
    centred = [v - statistics.fmean(s) for s in (control, arm) for v in s]
    pooled = math.fsum(v * v for v in centred) / (len(centred) - 2) * (1 / len(control) + 1 / len(arm))
    return math.sqrt(max(welch, pooled))


def sample(values) -> str:
    return f"{len(values)}, {math.fsum(values)!r}, {math.fsum(v * v for v in values)!r}"


class Experiments(people.Town, unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        people.organisation(cls.server, "other", False)
        cls.anna = Person(cls.server, "anna", ["analyst"])
        cls.bob = Person(cls.server, "bob", ["broadcaster"])
        cls.otto = Person(cls.server, "otto", ["analyst"], "other")
        # The whole of a month is before these days, so that what is asked for does not cross one by chance.
        cls.first = (date(TODAY).replace(day=1) - datetime.timedelta(days=1)).replace(day=1).toordinal() - datetime.date(1970, 1, 1).toordinal()

    def setUp(self):
        self.server.ask("TRUNCATE dvpe.event_place, dvpe.event, dvpe.event_batch, dvpe.event_watermark, dvpe.event_rollup, dvpe.event_reach, dvpe.trial_day, dvpe.trial_arm;"
                        "DELETE FROM dvpe.release; DELETE FROM dvpe.revision; DELETE FROM dvpe.keys_revision")
        self.document("exp", [("a", 5000), ("control", 5000)])

    def document(self, name: str, arms, owner: str = "demo", revision: int = 1, accepted: str = "2020-01-01Z"):
        start, listed = 0, []
        for arm, buckets in arms:
            listed.append({"id": arm, "buckets": [[start, start + buckets // 2], [start + buckets // 2, start + buckets]]})
            start += buckets
        text = people.document("experiment", name, revision, owner, {"arms": listed})
        self.server.ask(f"INSERT INTO dvpe.revision (organisation, kind, document, revision, digest, contents, key, signature, accepted) VALUES "
                        f"('{owner}', 'experiment', '{name}', {revision}, sha256({quoted(text)}), '\\x{text.encode().hex()}', {SIGNED}, '{accepted}')")

    def number(self, sql: str) -> float:
        return float(self.server.ask("SELECT " + sql))

    # ---- functions

    def test_the_boundary_is_where_the_mixture_has_enough_evidence(self):
        for viewers, tuned, alpha in ((100, 100, 0.05), (40, 10000, 0.05), (5000, 10000, 0.05), (10 ** 6, 10000, 0.05), (3000, 2000, 0.01)):
            y = TUNING * viewers / tuned
            self.assertAlmostEqual(self.number(f"analytics.trial_boundary({viewers}, {tuned}, {alpha})"), edge(y, alpha), delta=2e-5)
            one_sided = self.number(f"analytics.trial_boundary({viewers}, {tuned}, {alpha}, true)")
            self.assertGreaterEqual(one_sided, edge(y, alpha, True), "it may be too far, never too near")
            self.assertLess(one_sided, 1.02 * edge(y, alpha, True))
        self.assertAlmostEqual(math.log((TUNING + 1) / 0.05 ** 2), TUNING, delta=1e-6)
        best = self.number("analytics.trial_boundary(10000, 10000, 0.05)")
        for tuned in (5000, 9000, 11000, 20000):
            self.assertGreater(self.number(f"analytics.trial_boundary(10000, {tuned}, 0.05)"), best, "it is tightest where it is tuned to")
        for bad in ("0, 10, 0.05", "10, 0, 0.05", "10, 10, 0", "10, 10, 1", "NULL, 10, 0.05"):
            self.assertEqual(self.server.ask(f"SELECT analytics.trial_boundary({bad}) IS NULL"), "t", bad)

    def test_a_comparison_is_what_its_samples_say(self):
        r = random.Random(5)
        for n, more, effect in ((40, 0, 0.0), (300, 500, 0.4), (300, -260, 0.4), (300, -260, -0.4), (2000, 7, -0.5)):
            control = [r.lognormvariate(3, 1) for _ in range(n)]
            arm = [r.lognormvariate(3, 1) * (1 + effect) for _ in range(n + more)]
            told = self.server.ask(f"SELECT * FROM analytics.trial_compare({sample(control)}, {sample(arm)}, 3000)").split("|")
            difference = statistics.fmean(arm) - statistics.fmean(control)
            error = standard_error(control, arm)
            y = TUNING * (len(control) + len(arm)) / 3000
            far = edge(y, 0.05) * error
            p = min(1, 1 / evidence(abs(difference) / error, y))
            for value, expected in zip(told, (difference, difference / statistics.fmean(control), difference - far, difference + far, p)):
                self.assertAlmostEqual(float(value), expected, delta=1e-4 * max(1e-12, abs(expected)) + 1e-5 * far * (expected != p))
            self.assertEqual(told[5], "higher" if difference > far else "lower" if difference < -far else "open")
            self.assertEqual(told[5] != "open", float(told[4]) < 0.05, "the p value and the interval say the same")
        self.assertEqual(told[5], "lower")

    def test_a_small_arm_that_has_seen_nothing_yet_is_not_called_lower(self):
        """30 of 900 did it and none of 100, of whom 3 were expected. The arm's own variance is nought, which would make that certain."""
        control, arm = [1.0] * 30 + [0.0] * 870, [0.0] * 100
        own = statistics.fmean(control) / math.sqrt(statistics.variance(control) / 900)
        self.assertGreater(own, edge(TUNING * 0.5, 0.05))
        self.assertTrue(self.server.ask(f"SELECT * FROM analytics.trial_compare({sample(control)}, {sample(arm)}, 2000)").endswith("|open"))

    def test_what_cannot_be_compared_stays_open(self):
        for samples in ("1, 5, 25, 9, 9, 20", "0, 0, 0, 0, 0, 0", "NULL, NULL, NULL, 9, 9, 20"):
            self.assertEqual(self.server.ask(f"SELECT * FROM analytics.trial_compare({samples})"), "|||||open", samples)
        for samples in (f"{sample([0.1] * 50)}, {sample([0.1] * 50)}", f"{sample([0.0] * 50)}, {sample([0.0] * 60)}", f"{sample([0.1] * 50)}, {sample([0.3] * 50)}"):
            told = self.server.ask(f"SELECT * FROM analytics.trial_compare({samples})").split("|")
            self.assertEqual(told[2:], ["", "", "", "open"], "nothing varies")

    def test_a_guard_is_harmed_beyond_its_margin_only(self):
        r = random.Random(9)
        control = [r.gauss(100, 20) for _ in range(4000)]

        def harmed(factor: float, margin: float) -> str:
            arm = [r.gauss(100 * factor, 20) for _ in range(4000)]
            said = self.server.ask(f"SELECT analytics.trial_harmed({sample(control)}, {sample(arm)}, {margin})")
            kept = 1 - margin
            contrast = statistics.fmean(arm) - kept * statistics.fmean(control)
            error = standard_error([kept * v for v in control], arm)
            self.assertEqual(said == "t", -contrast / error > edge(TUNING * 0.8, 0.05, True), f"{factor} {margin}")
            return said
        self.assertEqual([harmed(f, m) for f, m in ((1, 0.05), (0.97, 0.05), (0.9, 0.05), (0.97, 0), (0.9, 0.2), (1.2, 0))], list("ffttff"))

    def test_the_ratio_is_judged_as_if_viewers_came_one_by_one(self):
        r = random.Random(3)
        for shares, true in (([5000, 5000], [0.5, 0.5]), ([500, 9000, 500], [0.05, 0.9, 0.05]), ([5000, 5000], [0.53, 0.47]), ([1, 9999], [0.0001, 0.9999])):
            counts, evidence_ = [0] * len(shares), 0.0
            for i in r.choices(range(len(shares)), true, k=20000):
                share = shares[i] / sum(shares)
                evidence_ += math.log((1000 * share + counts[i]) / (1000 + sum(counts)) / share)
                counts[i] += 1
            p = self.number(f"analytics.trial_ratio(ARRAY{counts}::float8[], ARRAY{shares}::float8[])")
            self.assertAlmostEqual(math.log(p), -max(0, evidence_), delta=1e-5)
            self.assertEqual(p < 0.001, true[0] == 0.53)
        for x in (0.1, 0.5, 1, 3.7, 9.99, 10, 123.4, 1e6):
            self.assertAlmostEqual(self.number(f"analytics.trial_ln_gamma({x})"), math.lgamma(x), delta=1e-9 * max(1, abs(math.lgamma(x))))
        for bad in ("ARRAY[1,2]::float8[], ARRAY[1]::float8[]", "ARRAY[1,2]::float8[], ARRAY[0,1]::float8[]", "NULL, NULL"):
            self.assertEqual(self.server.ask(f"SELECT analytics.trial_ratio({bad}) IS NULL"), "t")

    def test_the_ratio_may_be_looked_at_any_time(self):
        """Of 400 experiments that are as they should be, each looked at 40 times, at most a few call: 0.4 are expected at most."""
        r, rows = random.Random(11), []
        for seed in range(400):
            a = b = 0
            for _ in range(40):
                got = sum(r.random() < 0.3 for _ in range(50))
                a, b = a + got, b + 50 - got
                rows.append(f"({seed},{a},{b})")
        called = self.server.ask("SELECT count(DISTINCT s) FROM (VALUES " + ",".join(rows) + ") v(s, a, b) "
                                 "WHERE analytics.trial_ratio(ARRAY[a, b]::float8[], ARRAY[3, 7]) < 0.001")
        self.assertLessEqual(int(called), 3)

    def test_the_planned_size_has_its_power_at_the_last_look(self):
        normal = statistics.NormalDist()
        for mean, variance, least, share, alpha, power in ((600, 1.6e6, 0.15, 0.5, 0.05, 0.8), (0.1, 0.09, -0.2, 0.1, 0.01, 0.9), (3, 40, 0.05, 0.3, 0.1, 0.5)):
            size = int(self.number(f"analytics.trial_size({mean}, {variance}, {least}, {share}, {alpha}, {power})"))
            # Another way: how far the difference of that many viewers' means lies beyond the boundary.
            first, second = size * (1 - share), size * share
            welch = variance * (1 + least) ** 2 / second + variance / first
            pooled = (second * variance * (1 + least) ** 2 + first * variance) / size * (1 / first + 1 / second)
            error = math.sqrt(max(welch, pooled))
            self.assertAlmostEqual(normal.cdf(abs(least) * mean / error - edge(TUNING, alpha)), power, delta=5e-4)
        for bad in ("0, 1, 0.1", "1, 0, 0.1", "1, 1, 0", "1, 1, -1", "1, 1, 0.1, 1", "1, 1, 0.1, 0.5, 0.5", "1, 1, 0.1, 0.5, 0.05, 1", "NULL, 1, 0.1"):
            self.assertIn("power", self.adam.refused_proved(f"SELECT analytics.trial_size({bad})"))
        self.assertGreater(int(self.adam.as_proved("SELECT analytics.trial_size(600, 1600000, 0.15)")), 5000)

    # ---- sums of viewers

    def ships(self, events):
        for n in range(0, len(events), 1000):
            self.node.sql(ship(str(uuid.uuid4()), 0, events[n:n + 1000]))

    def roll(self) -> int:
        return int(self.carl.sql("SELECT registry.hold_lease() AS epoch \\gset\nSELECT events.roll(100, :epoch)"))

    def test_each_viewers_day_is_counted_once_with_its_batch(self):
        r = random.Random(2)
        events, expected = [], collections.defaultdict(lambda: [0.0] * 4)
        said = ("exp/a", "exp/control", "other/x", "nonsense", "/", "exp/", "/a", "ex p/é exp/a")
        arms = {visitor: set(r.sample(said, r.randrange(3))) for visitor in range(1, 40)}
        told = [event(ASSIGNED, TODAY, visitor=visitor, arm=arm) for visitor, names in arms.items() for arm in sorted(names)]
        told += [event(ASSIGNED, TODAY, visitor=0, arm="exp/a")]
        for e in told:
            if e["visitor"] and e["arm"] in said[:3]:
                _ = expected[(*e["arm"].split("/"), str(date(TODAY)), e["visitor"])]
        for _ in range(3000):
            day, visitor, kind = TODAY - r.randrange(3), r.choice((0, *range(1, 40))), r.choice((HEARTBEAT, COMPLETE, CLICKED, FEEDBACK, 20))
            e = event(kind, day, visitor=visitor, value=r.randrange(60), weight=r.choice((1, 1, 2.5)), text=r.choice(("like", "dislike")) if kind == FEEDBACK else "")
            events.append(e)
            for name in arms.get(visitor, set()) & set(said[:3]):
                sums = expected[(*name.split("/"), str(date(day)), visitor)]
                for n, x in enumerate((e["value"] * (kind == HEARTBEAT), kind == COMPLETE, kind == CLICKED, kind == FEEDBACK and e["text"] == "like")):
                    sums[n] += e["weight"] * x
        events = told + events
        self.ships(events)
        self.carl.sql("SELECT registry.hold_lease() AS epoch \\gset\nBEGIN; SELECT events.roll(2, :epoch); ROLLBACK")
        self.assertEqual(self.server.ask("SELECT count(*) FROM dvpe.trial_day"), "0")
        self.assertEqual([self.roll(), self.roll()], [4, 0])
        self.ships(events)  # they are there already
        self.roll()
        rows = (row.split("|") for row in self.server.ask("SELECT experiment, arm, day, visitor, watched, completed, clicked, liked FROM dvpe.trial_day").splitlines())
        self.assertEqual({(x, arm, day, int(v)): list(map(float, sums)) for x, arm, day, v, *sums in rows}, dict(expected))

    def test_a_new_month_forgets_the_one_before_the_last(self):
        month = "date_trunc('month', now() AT TIME ZONE 'UTC')::date"
        for day in (f"{month} - 1", f"({month} - interval '1 month')::date", f"({month} - interval '1 month')::date - 1", f"{month} - 100"):
            self.server.ask(f"INSERT INTO dvpe.trial_day VALUES ('exp', {day}, 'a', 1, 0, 0, 0, 0); INSERT INTO dvpe.trial_arm VALUES (1, 'exp' || ({day})::date, 'a', {day})")
        self.carl.sql("SELECT registry.hold_lease() AS epoch \\gset\nSELECT registry.retain(:epoch)")
        self.assertEqual(self.server.ask(f"SELECT count(*), bool_and(day >= ({month} - interval '1 month')::date) FROM dvpe.trial_day"), "2|t")
        self.assertEqual(self.server.ask("SELECT count(*) FROM dvpe.trial_arm"), "2")

    # ---- what is told

    def watch(self, rows, name: str = "exp"):
        """(arm, day from the first of last month, visitor, watched[, completed, clicked, liked])"""
        values = ",".join(f"('{name}', date '{date(self.first + row[1])}', '{row[0]}', {', '.join(map(repr, (*row[2:], *[0.0] * (7 - len(row)))))})" for row in rows)
        self.server.ask("INSERT INTO dvpe.trial_day (experiment, day, arm, visitor, watched, completed, clicked, liked) VALUES " + values)

    def call(self, first: int = 0, past: int = 28, name: str = "exp", columns: str = "*", more: str = "") -> str:
        return f"SELECT {columns} FROM analytics.experiment('{name}', '{date(self.first + first)}Z', '{date(self.first + past)}Z'{more})"

    def told(self, who=None, **which) -> dict:
        """(arm, metric) -> row"""
        rows = (who or self.anna).as_proved("SELECT json_build_object('rows', coalesce(json_agg(x), '[]')) FROM (" + self.call(**which) + ") x")
        return {(row["arm"], row["metric"]): row for row in json.loads(rows)["rows"]}

    def crowd(self, seed: int, arms=(("a", 1.3), ("control", 1.0)), viewers: int = 400, days: int = 5) -> list[tuple]:
        r = random.Random(seed)
        rows, visitor = [], seed * 10 ** 6
        for arm, factor in arms:
            for _ in range(viewers + r.randrange(-9, 10)):
                visitor += 1
                came = r.randrange(days)
                for day in {came} | {d for d in range(came + 1, days) if r.random() < 0.3}:
                    rows.append((arm, day, visitor, round(factor * r.lognormvariate(5, 0.8), 3), float(r.randrange(4)), float(r.random() < 0.1), float(r.random() < 0.2)))
        return rows

    def test_what_is_told_is_what_another_count_finds(self):
        rows = self.crowd(1)
        self.watch(rows)
        told = self.told(more=", 800")
        samples: dict = collections.defaultdict(dict)
        came: dict = {}
        for arm, day, visitor, *sums in rows:
            for metric, x in zip(("watched", "completed", "clicked", "liked"), sums):
                samples[(arm, metric)][visitor] = samples[(arm, metric)].get(visitor, 0.0) + x
            came[(arm, visitor)] = min(day, came.get((arm, visitor), 99))
        days = {(row[0], row[2], row[1]) for row in rows}
        for (arm, visitor), day in came.items():
            samples[(arm, "returned")][visitor] = float((arm, visitor, day + 1) in days)
        samples = {k: list(v.values()) for k, v in samples.items()}
        self.assertEqual(set(told), set(samples) | {("", "sample_ratio")})
        for (arm, metric), values in samples.items():
            row, control = told[(arm, metric)], samples[("control", metric)]
            self.assertEqual(row["month"], str(date(self.first)))
            self.assertEqual(row["viewers"], len(values))
            self.assertAlmostEqual(row["mean"], statistics.fmean(values), delta=1e-9 * max(1, row["mean"]))
            if arm == "control":
                self.assertEqual([row[c] for c in ("difference", "relative", "low", "high", "p", "decision")], [None] * 5 + ["control"])
                continue
            difference = statistics.fmean(values) - statistics.fmean(control)
            far = edge(TUNING * (len(values) + len(control)) / 800, 0.05) * standard_error(control, values)
            self.assertAlmostEqual(row["difference"], difference, delta=1e-9 * max(1, abs(difference)))
            self.assertAlmostEqual(row["relative"], difference / statistics.fmean(control), delta=1e-9)
            self.assertAlmostEqual(row["low"], difference - far, delta=1e-4 * far)
            self.assertAlmostEqual(row["high"], difference + far, delta=1e-4 * far)
            self.assertEqual(row["decision"], "higher" if difference > far else "lower" if difference < -far else "open")
        self.assertEqual(told[("a", "watched")]["decision"], "higher")
        self.assertEqual(told[("", "sample_ratio")]["decision"], "fits")
        self.assertEqual(told[("", "sample_ratio")]["viewers"], len(came))

    def test_a_viewer_without_anything_counts_as_nought(self):
        self.watch([("a", 0, n, 0.0) for n in range(30)] + [("control", 0, 100 + n, 10.0 * (n < 15)) for n in range(30)])
        told = self.told()
        self.assertEqual([(told[(arm, "watched")]["viewers"], told[(arm, "watched")]["mean"]) for arm in ("a", "control")], [(30, 0), (30, 5)])

    def test_less_watched_than_the_guard_allows_is_harm(self):
        self.watch(self.crowd(4, (("a", 0.6), ("control", 1.0))))
        told = self.told(more=", 800")
        self.assertEqual(told[("a", "watched")]["decision"], "harmed")
        self.assertEqual(told[("a", "clicked")]["decision"], "open")

    def test_an_arm_with_fewer_than_twenty_is_not_told(self):
        self.watch(self.crowd(1) + [("few", 1, n, 5.0) for n in range(1, 20)])
        told = self.told()
        self.assertFalse([key for key in told if key[0] == "few"])
        # What is known of all viewers less the other arms would be these 19: their day is not told of anybody.
        alone = sum(row[3] for row in self.crowd(1) if row[0] == "a" and row[1] != 1)
        self.assertAlmostEqual(told[("a", "watched")]["mean"] * told[("a", "watched")]["viewers"], alone, delta=1e-6)
        self.server.ask("DELETE FROM dvpe.trial_day")
        self.watch([("a", 0, n, 1.0 * n) for n in range(19)] + [("control", 0, 100 + n, 1.0 * n) for n in range(40)])
        self.assertEqual(self.told(), {}, "control and all viewers would tell of the others")
        self.watch([("a", 0, 19, 19.0)])
        self.assertEqual(self.told()[("a", "watched")]["viewers"], 20)

    def test_what_is_told_differs_by_whole_days_of_twenty_viewers(self):
        """Every two ranges: the differences of the sums are sums over days on which each arm had twenty viewers."""
        rows = self.crowd(6, viewers=60, days=4)
        rows = [row for row in rows if row[1] != 2] + [("a", 2, 77000000 + n, 3.0) for n in range(19)] + [("control", 2, 88000000 + n, 3.0) for n in range(70)]
        self.watch(rows)
        people_ = collections.Counter((row[0], row[1]) for row in rows)
        self.assertGreaterEqual(min(people_[(arm, day)] for arm in ("a", "control") for day in (0, 1, 3)), 20)
        by_day: dict = collections.defaultdict(float)
        for arm, day, _, watched, *_ in rows:
            by_day[(arm, day)] += watched * (day != 2)
        for first in range(4):
            for past in range(first + 1, 5):
                told = self.told(first=first, past=past)
                for arm in ("a", "control"):
                    row = told.get((arm, "watched"), {"mean": 0, "viewers": 0})
                    self.assertAlmostEqual(row["mean"] * row["viewers"], sum(by_day[(arm, d)] for d in range(first, past)), delta=1e-6, msg=f"{first} {past}")

    def test_who_came_back_is_told_of_twenty_newcomers_whatever_is_asked(self):
        rows = [(arm, 0, base + n, 1.0) for arm, base in (("a", 0), ("control", 1000)) for n in range(50)]
        rows += [(arm, 1, base + n, 1.0) for arm, base in (("a", 0), ("control", 1000)) for n in range(30)]
        rows += [("a", 1, 500, 1.0), ("control", 1, 1500, 1.0)]  # one newcomer each, and a has come back
        rows += [(arm, 2, base + n, 1.0) for arm, base in (("a", 0), ("control", 1000)) for n in range(25)] + [("a", 2, 500, 1.0)]
        self.watch(rows)
        self.assertEqual((self.told()[("a", "returned")]["viewers"], self.told()[("a", "returned")]["mean"]), (50, 0.6))
        self.assertEqual(self.told(past=1).get(("a", "returned")), None, "the day after is not asked for")
        self.assertEqual(self.told(first=1).get(("a", "returned")), None, "who came on the day before is no newcomer")

    def test_months_are_told_apart(self):
        days = (date(self.first).replace(day=28) + datetime.timedelta(days=4)).replace(day=1) - date(self.first)
        self.watch(self.crowd(1))
        self.server.ask(f"INSERT INTO dvpe.trial_day SELECT experiment, date_trunc('month', now() AT TIME ZONE 'UTC')::date, arm, visitor + 5000000, watched, 0, 0, 0 "
                        f"FROM dvpe.trial_day WHERE day = '{date(self.first)}'")
        got = self.anna.as_proved(self.call(past=days.days + 1, columns="count(DISTINCT month), count(*) FILTER (WHERE arm = '')"))
        self.assertEqual(got, "2|2" if datetime.datetime.now(datetime.timezone.utc).day > 1 else "1|1", "of the running month only days that are over")

    def test_arms_that_are_not_filled_as_they_should_be_are_warned_of(self):
        self.watch([(arm, 0, base + n, 1.0 * n) for arm, base, count in (("a", 0, 1000), ("control", 10000, 1300)) for n in range(count)])
        row = self.told()[("", "sample_ratio")]
        self.assertEqual(row["decision"], "warning")
        self.assertLess(row["p"], 0.001)
        self.document("exp", [("a", 4000), ("control", 5200)], revision=2, accepted=f"{date(self.first)} 12:00Z")
        self.assertEqual(self.told()[("", "sample_ratio")]["decision"], "unknown", "the shares were changed meanwhile")
        self.document("exp", [("a", 4000), ("control", 5200)], revision=3, accepted=f"{date(self.first + 9)} 12:00Z")
        self.assertEqual(self.told()[("", "sample_ratio")]["decision"], "unknown")
        self.server.ask(f"UPDATE dvpe.revision SET accepted = '{date(self.first - 1)}' WHERE revision = 2")
        self.assertEqual(self.told()[("", "sample_ratio")]["decision"], "fits", "changed before; the third revision has the same arms")

    def test_the_control_is_found(self):
        for arms, expected in ((("a", "control", "holdout"), "control"), (("a", "holdout", "b"), "holdout"), (("z", "b"), "z")):
            self.server.ask("DELETE FROM dvpe.revision; DELETE FROM dvpe.trial_day")
            self.document("exp", [(arm, 1000) for arm in arms])
            self.watch([(arm, 0, n * 100 + i, 1.0 * i) for n, arm in enumerate(arms) for i in range(30)])
            self.assertEqual([arm for (arm, metric), row in self.told().items() if row["decision"] == "control" and metric == "watched"], [expected])
        self.server.ask("DELETE FROM dvpe.revision")
        told = self.told(self.ada)
        self.assertEqual(told[("b", "watched")]["decision"], "control", "without a document, the first by name")
        self.assertEqual(told[("", "sample_ratio")]["decision"], "unknown")

    def test_a_day_that_is_not_over_is_not_told(self):
        self.server.ask("INSERT INTO dvpe.trial_day SELECT 'exp', (now() AT TIME ZONE 'UTC')::date, a, v + 1000 * length(a), v, 0, 0, 0 FROM "
                        "unnest(ARRAY['a', 'control']) a, generate_series(1, 50) v")
        call = f"SELECT * FROM analytics.experiment('exp', '{date(TODAY)}Z', '{date(TODAY + 2)}Z')"
        self.assertEqual(self.anna.as_proved(call), "")

    # ---- who

    def test_results_are_for_who_runs_the_experiment(self):
        self.watch(self.crowd(1))
        ask = self.call(columns="count(*)")
        for who in (self.anna, self.cleo, self.bob, self.olga, self.ada):
            self.assertEqual(who.as_proved(ask), "11", who.name)
            self.assertIn("not an experiment of yours", who.refused(ask), "without the second factor")
        for who in (self.adam, self.bert, self.otto):
            self.assertIn("not an experiment of yours", who.refused_proved(ask), who.name)
        self.assertIn("not an experiment of yours", self.anna.refused_proved(self.call(name="none")))
        self.assertEqual(self.ada.as_proved(self.call(name="none")), "")
        for who in (self.node, self.carl):
            self.assertIn("permission denied", who.refused(ask))
        for part in ("analytics.trial_samples('exp', '2026-01-01', '2026-02-01')", "registry.arms_of('exp')", "dvpe.trial_day"):
            for who in (self.anna, self.ada):
                self.assertIn("permission denied", who.refused_proved(f"SELECT * FROM {part}"))
        for bad in (self.call(columns="*").replace("Z'", "T01:00Z'", 1), self.call(past=0), self.call(past=63)):
            self.assertIn("whole day", self.anna.refused_proved(bad))
        self.assertIn("40 viewers", self.anna.refused_proved(self.call(more=", 39")))
        self.assertEqual(json.loads(self.node_program("db", "check", "--json"))["loose"], [])

    def test_two_organisations_with_one_name_the_one_on_the_air_is_told(self):
        self.document("exp", [("control", 1000), ("a", 1000)], "other", accepted="2021-01-01Z")
        self.watch([("a", 0, n, 1.0 * n) for n in range(200)] + [("control", 0, 1000 + n, 1.0 * n) for n in range(200)])
        ask = self.call(columns="count(*)")
        self.assertEqual(self.anna.as_proved(ask), "11", "nobody is on the air: who was first")
        self.otto.refused_proved(ask)
        release = json.dumps({"documents": [{"kind": "experiment", "id": "exp", "organisation": "other", "revision": 1}]})
        self.server.ask(f"INSERT INTO dvpe.keys_revision VALUES (1, '{{}}', '[]'); INSERT INTO dvpe.release (sequence, base, keys_revision, contents, key, signature, coordinator) "
                        f"SELECT 1, 0, 1, {quoted(release)}, {SIGNED}, id FROM dvpe.machine WHERE name = 'carl'")
        self.assertEqual(self.otto.as_proved(ask), "11")
        self.assertIn("not an experiment of yours", self.anna.refused_proved(ask))
        self.assertEqual(self.told(self.otto)[("", "sample_ratio")]["decision"], "fits", "by its own document's shares")


if __name__ == "__main__":
    unittest.main()
