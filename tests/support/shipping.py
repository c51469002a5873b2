# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""Events as nodes ship them, in SQL: what docs/reference/events.md says an event is, and the call that takes a batch of them."""
from __future__ import annotations

import time
import uuid

from people import quoted

TODAY = int(time.time() // 86400)
PLACE = ("channel", "variant", "rule", "campaign", "line", "creative", "content", "country", "device", "arm")
HEARTBEAT = 2


def event(kind=HEARTBEAT, day=TODAY, at=None, **more) -> dict:
    """Whatever is not said is random, or nothing."""
    e = {"id": str(uuid.uuid4()), "day": day, "kind": kind, "session": str(uuid.uuid4()), "visitor": 0, "break": 0, "slot": 0, "value": 0,
         "weight": 1, "text": "", "sealed": None, "at": day * 86400 * 10 ** 6 + 10 ** 6 if at is None else at}
    e.update({name: "" for name in PLACE})
    e.update(more)
    return e


def array(values, of: str) -> str:
    return "ARRAY[" + ",".join("NULL" if v is None else quoted(str(v)) if of in ("uuid", "text", "bytea") else str(v) for v in values) + f"]::{of}[]"


def ship(of: str, start: int, events: list[dict], end: int | None = None, **instead: str) -> str:
    """of: a spool; instead: another text for one of the function's arguments."""
    places: dict[tuple, int] = {}
    index = [places.setdefault(tuple(e[name] for name in PLACE), len(places)) for e in events]
    arguments = {"spool": quoted(of), "from": str(start), "to": str(start + len(events) if end is None else end),
                 "places": array([t for p in places for t in p], "text"), "place": array(index, "int")}
    for name, kind in (("id", "uuid"), ("day", "int"), ("kind", "smallint"), ("at", "bigint"), ("session", "uuid"), ("visitor", "bigint"), ("break", "bigint"),
                     ("slot", "smallint"), ("value", "bigint"), ("weight", "real"), ("text", "text"), ("sealed", "bytea")):
        arguments[name] = array([e[name] for e in events], kind)
    arguments.update(instead)
    return "SELECT watermark, inserted, refused FROM events.ship(" + ", ".join(arguments.values()) + ")"
