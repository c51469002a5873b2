#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""No sum or difference of allowed answers is about fewer than 20 viewers.

Small populations are asked everything that may be asked of them. Each answer is an equation in unknown cells; exact elimination
finds every cell, and every group of cells, that some combination of the equations fixes. The same is done with answers that leave out
too little, where it must find something.
"""
from __future__ import annotations

import collections
import fractions
import itertools
import pathlib
import random
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
import events_week  # noqa: E402
import people  # noqa: E402
from people import Person  # noqa: E402
from shipping import TODAY, event, ship  # noqa: E402

HOUR, DAY = 3600, 86400
HOURS, COUNTRIES, DEVICES, RULES = 3, ("AT", "CH", "DE"), ("tv", "web"), ("", "r1")
DIMENSIONS = {"country": (1, COUNTRIES), "device": (2, DEVICES), "rule": (3, RULES)}
ATOMS = list(itertools.product(range(HOURS), COUNTRIES, DEVICES, RULES))
BEGIN = (TODAY - 1) * DAY + 10 * HOUR
KEPT = ("event", "event_batch", "event_watermark", "event_rollup", "event_reach", "event_presence")


class Equations:
    """What follows from sums that are known: the space that their coefficients span, in lowest terms."""

    def __init__(self, rows):
        self.rows: list[tuple[int, list[fractions.Fraction]]] = []  # (its first place that is not 0, which is 1; the row)
        for row in rows:
            left = self.rest([fractions.Fraction(x) for x in row])
            lead = next((n for n, x in enumerate(left) if x), None)
            if lead is not None:
                self.rows.append((lead, [x / left[lead] for x in left]))
                self.rows.sort()

    def rest(self, row):
        for lead, known in self.rows:
            if row[lead]:
                row = [a - row[lead] * b for a, b in zip(row, known)]
        return row

    def fix(self, row) -> bool:
        """Whether this sum is a combination of those that are known."""
        return not any(self.rest([fractions.Fraction(x) for x in row]))


def population(r: random.Random) -> dict[tuple, set[int]]:
    """Who watched in which cell: small cells, large ones, empty ones, and viewers who come again the next hour."""
    size = r.choice(((0, 3, 8), (0, 5, 19, 30), (4, 15, 40), (0, 25, 60)))
    out, number = {}, itertools.count(1)
    for atom in ATOMS:
        out[atom] = {next(number) for _ in range(r.randrange(1 + r.choice(size)))}
        before = (atom[0] - 1, *atom[1:])
        if before in out:
            out[atom] |= set(r.sample(sorted(out[before]), len(out[before]) // 2))
    return out


def row_of(test) -> list[int]:
    return [int(test(atom)) for atom in ATOMS]


def viewers_of(people_: dict[tuple, set[int]], row) -> int:
    return len(set().union(*(people_[atom] for atom, x in zip(ATOMS, row) if x)))


def small_groups(people_):
    """Every group of less than 20 that an attribute could tell of, and somebody is in: cells, crossings, unions of a dimension's cells."""
    out = {}

    def consider(row, name):
        if 0 < viewers_of(people_, row) < 20:
            out[tuple(row)] = name
    for place, keys in DIMENSIONS.values():
        for some in range(1, len(keys) + 1):
            for chosen in itertools.combinations(keys, some):
                for hours in itertools.chain.from_iterable(itertools.combinations(range(HOURS), n) for n in range(1, HOURS + 1)):
                    if some < len(keys):  # all of them together are the channel, whose totals are told
                        consider(row_of(lambda a: a[0] in hours and a[place] in chosen), f"{chosen} in {hours}")
    for (p1, k1), (p2, k2) in itertools.combinations(DIMENSIONS.values(), 2):
        for hour, x, y in itertools.product(range(HOURS), k1, k2):
            consider(row_of(lambda a: a[0] == hour and a[p1] == x and a[p2] == y), f"{x} and {y} in {hour}")
    for atom in ATOMS:
        consider(row_of(lambda a: a == atom), f"{atom}")
    return out


def totals() -> list[list[int]]:
    """What is told of the channel in an hour, exactly."""
    return [row_of(lambda a, h=h: a[0] == h) for h in range(HOURS)]


class Subtraction(people.Town, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.anna = Person(cls.server, "anna", ["analyst"])
        for kind, name, owner in (("channel", "one", "demo"), ("campaign", "summer", "shop")):
            cls.server.ask(f"INSERT INTO dvpe.revision (organisation, kind, document, revision, digest, contents, key, signature) "
                           f"VALUES ('{owner}', '{kind}', '{name}', 1, sha256('{name}'), '{{}}', '{'a' * 16}', '\\x{'00' * 64}')")

    def counted(self, events) -> None:
        self.server.ask("TRUNCATE " + ", ".join(f"dvpe.{t}" for t in KEPT))
        events_week.ship_week(self.node, events)
        events_week.roll(self.carl)

    def asked(self) -> dict[tuple, dict[str, float]]:
        """(dimension, first hour, last hour) -> key -> how many heartbeats, of all ranges and dimensions."""
        calls = [(d, i, j) for d in DIMENSIONS for i in range(HOURS) for j in range(i + 1, HOURS + 1)]
        sql = " UNION ALL ".join(f"SELECT {n}, key, count FROM analytics.breakdown('one', '{d}', to_timestamp({BEGIN + i * HOUR}), to_timestamp({BEGIN + j * HOUR})) WHERE kind = 2"
                                 for n, (d, i, j) in enumerate(calls))
        out = {call: {} for call in calls}
        for line in self.anna.as_proved(sql).splitlines():
            n, key, count = line.split("|")
            out[calls[int(n)]][key] = float(count)
        return out

    def test_no_combination_of_breakdowns_and_totals_is_about_fewer_than_twenty(self):
        r, groups, answers_seen = random.Random(20), 0, 0
        for trial in range(20):
            people_ = population(r)
            self.counted([event(2, at=(BEGIN + a[0] * HOUR + v % 3000) * 10 ** 6, day=BEGIN // DAY, visitor=v, value=1, channel="one", country=a[1], device=a[2], rule=a[3])
                          for a, who in people_.items() for v in sorted(who)])
            truth = [len(people_[a]) for a in ATOMS]
            asked = self.asked()
            rows = totals()
            for (dimension, i, j), told in asked.items():
                place, _ = DIMENSIONS[dimension]
                for key, count in told.items():
                    # Whoever asks each hour alone knows which hours a longer answer is the sum of.
                    hours = [h for h in range(i, j) if key in asked[dimension, h, h + 1]]
                    row = row_of(lambda a: a[0] in hours and a[place] == key)
                    self.assertEqual(count, sum(x * n for x, n in zip(row, truth)), "the equations are those of the answers")
                    rows.append(row)
            answers_seen += len(rows) - HOURS
            known = Equations(rows)
            small = small_groups(people_)
            groups += len(small)
            for row, name in small.items():
                self.assertFalse(known.fix(row), f"population {trial}: {name}, {viewers_of(people_, row)} viewers")
            # And whatever else two answers give that is a number of viewers.
            for one, other in itertools.permutations({tuple(x) for x in rows}, 2):
                rest = [a - b for a, b in zip(one, other)]
                if min(rest) == 0 and max(rest) == 1:
                    self.assertFalse(0 < viewers_of(people_, rest) < 20, (one, other))
        self.assertGreater(groups, 1000, "there were small groups to find")
        self.assertGreater(answers_seen, 100, "and answers to find them with")

    def test_the_proof_finds_what_is_left_open(self):
        """Answers that leave out nothing, or small cells alone, give groups away."""
        for complementary in (False, True):
            found = {"all": 0, "small left out": 0}
            r = random.Random(20)
            for _ in range(12):
                people_ = population(r)
                for rule in found:
                    rows = totals()
                    for (place, keys), hour in itertools.product(DIMENSIONS.values(), range(HOURS)):
                        cells = [row_of(lambda a: a[0] == hour and a[place] == k) for k in keys]
                        told = [c for c in cells if rule == "all" or viewers_of(people_, c) >= 20]
                        if complementary and rule != "all" and len(told) < sum(viewers_of(people_, c) > 0 for c in cells):
                            told = sorted(told, key=lambda c: viewers_of(people_, c))[1:]
                        rows += told
                    known = Equations(rows)
                    found[rule] += any(known.fix(row) for row in small_groups(people_))
            self.assertGreater(found["all"], 6)
            (self.assertEqual if complementary else self.assertGreater)(found["small left out"], 0)

    def test_who_leaves_is_told_in_groups_of_twenty(self):
        """Retention's answers are sums over the minutes in which viewers were last seen; of whoever knows how many there were."""
        r = random.Random(3)
        for trial in range(4):
            last = collections.Counter()  # (hour, minute last seen) -> viewers
            events, number = [], itertools.count(1)
            for hour in range(2):
                for _ in range(r.choice((25, 60, 150))):
                    v, m = next(number), min(59, int(r.expovariate(1 / 25)))
                    last[hour, m] += 1
                    events += [event(2, day=BEGIN // DAY, at=(BEGIN + hour * HOUR + k * 60 + 1) * 10 ** 6, visitor=v, channel="one") for k in {0, m}]
            self.counted(events)
            told = [tuple(map(int, line.split("|"))) for line in self.anna.as_proved(
                f"SELECT (extract(epoch FROM minute)::bigint - {BEGIN}) / 60, of_hour FROM analytics.retention('one', to_timestamp({BEGIN}), to_timestamp({BEGIN + 2 * HOUR}))").splitlines()]
            self.assertGreater(len(told), 1)
            cells = [(h, m) for h in range(2) for m in range(60)]
            rows = [[int(h == at // 60 and m >= at % 60) for h, m in cells] for at, _ in told]
            for (at, share), row in zip(told, rows):
                whole = sum(n for (h, _), n in last.items() if h == at // 60)
                self.assertEqual(share, int(100 * sum(x * last[c] for x, c in zip(row, cells)) / whole + 0.5))
            known = Equations(rows)
            for hour in range(2):
                for first in range(60):
                    for end in range(first + 1, 61):
                        size = sum(last[hour, m] for m in range(first, end))
                        if 0 < size < 20:
                            self.assertFalse(known.fix([int(h == hour and first <= m < end) for h, m in cells]), (trial, hour, first, end, size))

    def test_differences_of_reach_leave_twenty_possibilities(self):
        """Two days and their week; a campaign and its channel: every population that fits is tried."""
        monday = (TODAY - 7 + 3) // 7 * 7 - 3
        if monday < TODAY - 7 or monday + 7 >= TODAY:
            monday = None  # this week's Monday is too old, or the week is not over: two days alone, and the campaign
        first = TODAY - 3 if monday is None else monday
        for only_one, only_two, both, reached in ((30, 3, 50, 79), (21, 20, 0, 30), (0, 7, 60, 60), (5, 40, 20, 24)):
            days = {0: set(range(1, 1 + only_one)) | set(range(1000, 1000 + both)), 1: set(range(500, 500 + only_two)) | set(range(1000, 1000 + both))}
            events = [event(2, day=first + d, visitor=v, channel="one") for d, who in days.items() for v in who]
            events += [event(21, day=first, visitor=v, channel="one", campaign="summer", line="l", creative="c") for v in sorted(days[0])[:reached]]
            self.counted(events)

            def reach(scope, name, period, begin, end):
                rows = self.ada.as_proved(f"SELECT began - date '1970-01-01', viewers FROM analytics.reach('{scope}', '{name}', '{period}', date '1970-01-01' + {begin}, date '1970-01-01' + {end})")
                return {int(a): int(b) for a, b in (row.split("|") for row in rows.splitlines())}
            told = reach("channel", "one", "day", first, first + 2)
            week = reach("channel", "one", "week", monday, monday + 7).get(monday) if monday is not None else None
            campaign = reach("campaign", "summer", "day", first, first + 1).get(first)
            for answer in [*told.values(), week, campaign]:
                self.assertTrue(answer is None or (answer >= 20 and answer % 20 == 0), answer)

            def fits(answer, n):
                return n < 20 if answer is None else answer <= n < answer + 20
            one, two = told.get(first), told.get(first + 1)
            self.assertTrue(fits(one, only_one + both) and fits(two, only_two + both))
            possible = collections.defaultdict(set)
            for a, b, c in itertools.product(range(60), range(60), range(90)):
                if fits(one, a + c) and fits(two, b + c) and (monday is None or fits(week, a + b + c)):
                    for name, n in (("one", a), ("two", b), ("both", c)):
                        possible[name].add(n)
            for name, n in (("one", only_one), ("two", only_two), ("both", both)):
                self.assertIn(n, possible[name])
                self.assertGreaterEqual(len(possible[name]), 20, (name, n))
            left = {a - c for a in range(200) for c in range(a + 1) if fits(one, a) and fits(campaign, c)}
            self.assertGreaterEqual(len(left), 20)


if __name__ == "__main__":
    unittest.main()
