# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""The demo's past: a paid campaign in its flight, and a generated week of events in which it was delivered.

What is here of viewers is made up, and the same for the same first day. The campaign is in no rule of the demo's channel: what is
live shows what the four people see, what is past shows what reports say of many.
"""
from __future__ import annotations

import datetime
import json
import pathlib
import shlex
import time

import events_week
import nodeproc

FOLDER = nodeproc.repository() / "resources" / "demo" / "week"
CHANNEL, CAMPAIGN = "demo", events_week.CAMPAIGN
SEED, DAYS, VIEWERS = 17, 7, 300


def first_day() -> int:
    """Of the week: the seven whole days before today, since 1970, UTC."""
    return int(time.time() // 86400) - DAYS


def date(day: int) -> str:
    return (datetime.date(1970, 1, 1) + datetime.timedelta(days=day)).isoformat()


def documents(first: int) -> list[dict]:
    """Creatives, then the campaign, whose flight is this week and the next."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))]
    for document in found:
        if document["kind"] == "campaign":
            document["body"]["flight"] = {"from": f"{date(first)}T00:00:00", "until": f"{date(first + 2 * DAYS)}T00:00:00"}
    return sorted(found, key=lambda d: d["kind"] == "campaign")


def events(first: int) -> list[dict]:
    return events_week.week(SEED, first, DAYS, VIEWERS, CHANNEL)


def ship(plane, first: int, node: str = "n1") -> list[dict]:
    """Into the plane's database as a node ships it; its coordinator counts it within seconds."""
    made = events(first)
    new = events_week.ship_week(plane.machines[node], made)
    if new != len(made):
        raise nodeproc.ProcessError(f"of {len(made)} events of the week {new} were taken")
    return made


def counted(plane) -> bool:
    """Whether all that was shipped is in the figures."""
    return plane.server.ask("SELECT count(*) FROM dvpe.event_batch WHERE NOT rolled") == "0"


def report(first: int, name: str, *more: str) -> list[str]:
    """The words of a report of the week, without those by which somebody signs in."""
    of = ["--campaign", CAMPAIGN] if name in ("plan", "delivery", "revenue") else ["--channel", CHANNEL]
    return ["report", name, *of, "--from", date(first), "--to", date(first + DAYS), *more]


def command(node: pathlib.Path, plane, first: int, name: str, who: str) -> str:
    """What somebody types to have a report as a page; it asks for a one-time password."""
    secrets = plane.hand_out()
    words = [str(node), *report(first, name, "--format", "html"), "--server", f"127.0.0.1:{plane.server.port}", "--user", plane.people[who].login,
             "--root-certificate", str(plane.server.root_certificate), "--password-file", str(secrets / f"{who}.password")]
    return shlex.join(words) + f" > {name}.html"
