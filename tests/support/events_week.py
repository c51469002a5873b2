# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""A week of events as a channel with some hundred viewers a day would have them: the same for the same seed and first day.

Evenings are full and nights are empty, small countries are small, one device stalls, one variant sells better: so that reports
have something to show, and the rule of twenty something to leave out. `week()` makes the events, `ship_week()` ships them as a
node does and `roll()` counts them.
"""
from __future__ import annotations

import random
import uuid

import shipping

CHANNEL, CAMPAIGN, OTHER = "one", "summer", "winter"
COUNTRIES = (("DE", 52), ("CH", 27), ("AT", 18), ("FR", 3))
DEVICES = (("tv", 45), ("phone", 35), ("web", 20))
ARMS = (("trial/new", 45), ("trial/old", 45), ("", 10))
VARIANT = {"DE": "v-north", "CH": "v-alps", "AT": "v-alps", "FR": "v-plain"}
RULE = {"tv": "living-room", "phone": "on-the-way", "web": ""}
BREAK_EVERY, BREAK_UNITS = 1800, 60
SLOTS = ((CAMPAIGN, "reach", "film-long", 30), (CAMPAIGN, "rest", "film-short", 15), (OTHER, "all", "snow", 15))
# How likely somebody comes in an hour of the day, UTC.
HOURS = (0.6, 0.3, 0.2, 0.2, 0.2, 0.4, 1.5, 3, 2, 1.5, 1.5, 2, 4, 3, 2, 2, 4, 8, 26, 34, 30, 12, 4, 1.5)


class Viewer:
    def __init__(self, r: random.Random):
        self.visitor = r.randrange(1, 2 ** 63)
        pick = lambda of: r.choices([n for n, _ in of], [w for _, w in of])[0]  # noqa: E731
        self.country, self.device, self.arm = pick(COUNTRIES), pick(DEVICES), pick(ARMS)
        if r.random() < 0.06:
            self.visitor = 0  # without a lawful basis: counted, and nobody
        self.keen = r.uniform(0.3, 1.6)


class Week:
    def __init__(self, seed: int, first_day: int, days: int, viewers: int, channel: str):
        self.r = random.Random(seed)
        self.first, self.days, self.channel = first_day * 86400, days, channel
        self.out: list[dict] = []
        for viewer in [Viewer(self.r) for _ in range(viewers)]:
            for day in range(days):
                if self.r.random() < 0.6 * viewer.keen:
                    self.watch(viewer, day)
        self.out.sort(key=lambda e: (e["at"], e["id"]))

    def add(self, kind: int, viewer: Viewer, session: str, second: float, **more) -> None:
        micros = int(second * 10 ** 6)
        place = {"channel": self.channel, "variant": VARIANT[viewer.country], "rule": RULE[viewer.device], "country": viewer.country,
                 "device": viewer.device, "arm": viewer.arm}
        self.out.append(shipping.event(kind, micros // 86400 // 10 ** 6, micros, id=str(uuid.UUID(int=self.r.getrandbits(128))), session=session,
                                       visitor=viewer.visitor, **(place | more)))

    def watch(self, viewer: Viewer, day: int) -> None:
        r = self.r
        hour = r.choices(range(24), HOURS)[0]
        begin = self.first + day * 86400 + hour * 3600 + (r.random() * 3600 if r.random() < 0.5 else r.random() * 50)
        stays = min(r.expovariate(1 / 1800) + 40, 4 * 3600, self.first + self.days * 86400 - begin - 1)
        if stays <= 0:
            return
        session = str(uuid.UUID(int=r.getrandbits(128)))
        self.add(1, viewer, session, begin)
        self.add(10, viewer, session, begin + 0.2)
        if RULE[viewer.device]:
            self.add(12, viewer, session, begin + 0.2)
        if viewer.arm:
            self.add(13, viewer, session, begin + 0.2)
        self.add(41, viewer, session, begin + 1, value=int(r.gammavariate(4, 220 if viewer.device == "tv" else 350)))
        beat = begin
        while beat + 62 < begin + stays:
            step = r.choice((60, 61, 62))
            beat += step
            self.add(2, viewer, session, beat, value=step)
            if r.random() < 0.2:
                self.add(43, viewer, session, beat, value=r.choice((1200000, 3500000, 6000000)), text=str(r.randrange(3000, 9000)))
            if r.random() < (0.05 if viewer.device == "phone" else 0.01):
                self.add(42, viewer, session, beat, value=int(r.expovariate(1 / 900)) + 100, weight=r.choice((1, 1, 1, 2)))
            if r.random() < 0.004:
                self.add(60, viewer, session, beat, text=r.choice(("like", "like", "dislike")))
        self.add(3, viewer, session, begin + stays, value=int(stays))
        for at in range(int(begin // BREAK_EVERY + 1) * BREAK_EVERY, int(begin + stays), BREAK_EVERY):
            self.pause(viewer, session, at, begin + stays)

    def pause(self, viewer: Viewer, session: str, at: int, end: float) -> None:
        """A break: three slots, of which the last is not sold to everybody."""
        r = self.r
        number, start = at // BREAK_EVERY, at
        self.add(14, viewer, session, at, value=BREAK_UNITS, **{"break": number})
        for slot, (campaign, line, creative, units) in enumerate(SLOTS, 1):
            if campaign == OTHER and r.random() < 0.4:
                continue
            about = {"campaign": campaign, "line": line, "creative": creative, "break": number, "slot": slot}
            self.add(20, viewer, session, at - 10, value=units, **about)
            if start < end:
                self.add(21, viewer, session, start + 4, value=units, **about)
                if r.random() < 0.85:
                    self.played(viewer, session, start, end, units, about)
            start += units

    def played(self, viewer: Viewer, session: str, start: float, end: float, units: int, about: dict) -> None:
        self.add(22, viewer, session, start, **about)
        for kind, part in ((23, 0.25), (24, 0.5), (25, 0.75), (26, 1)):
            if start + part * units > end:
                return
            if self.r.random() < 0.03:
                self.add(27, viewer, session, start + part * units, value=int(part * units * 1000), **about)
                return
            self.add(kind, viewer, session, start + part * units, **about)
        if self.r.random() < (0.09 if viewer.country == "CH" else 0.03):
            self.add(28, viewer, session, start + units, value=units * 1000, **about)


def week(seed: int, first_day: int, days: int = 7, viewers: int = 900, channel: str = CHANNEL) -> list[dict]:
    """In the order in which it happened. first_day: days since 1970, UTC; the database takes those of the last seven."""
    return Week(seed, first_day, days, viewers, channel).out


def ship_week(node, events: list[dict], batch: int = 10000) -> int:
    """As a node, in one spool. How many were new."""
    spool = str(uuid.uuid4())
    return sum(int(node.sql(shipping.ship(spool, n, events[n:n + batch])).split("|")[1]) for n in range(0, len(events), batch))


def roll(coordinator) -> None:
    """As the coordinator that leads: until all is counted."""
    for _ in range(10000):
        if coordinator.sql("SELECT events.roll(10, registry.hold_lease())") == "0":
            return
    raise RuntimeError("there is no end of batches")
