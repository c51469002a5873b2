# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""Four people watch one channel: each sees their own overlays, clip and advertisements, at the same times, and not another's.

One run is recorded by a strict client for each of them and then looked at from every side: an event that rules replace, a
break, a break that ends early, somebody who joins inside of it.
"""
from __future__ import annotations

import pathlib
import shutil
import tempfile
import time
import unittest

import viewing
from viewing import FPS, HEIGHT, RUNG, WIDTH

import blocks
import m3u8
import media_rules
import rules
import strict_client

PEOPLE = ("anna", "bruno", "chadia", "dana")
CREATIVE = {"anna": "ad-car-1", "bruno": "ad-bistro-1", "chadia": "ad-tea-1", "dana": "ad-house-1"}
RUN: dict = {}


class Recording:
    """What a viewer was served, by number of segment."""

    def __init__(self, client: strict_client.StrictClient):
        self.client = client
        self.state = client.checker.renditions[RUNG]
        self.init, self.bodies = client.media.inits[RUNG], client.media.segments[RUNG]
        self._values: dict[int, list] = {}

    def between(self, start: float, end: float) -> list[int]:
        """The segments that lie wholly in [start, end), in seconds since 1970."""
        return [n for n, s in sorted(self.state.segments.items()) if n in self.bodies and s.date > start - 0.002 and s.date + s.extinf < end + 0.002]

    def pictures(self, msn: int) -> list[bytes]:
        return viewing.decoded(self.init, self.bodies[msn])

    def values(self, msn: int) -> list:
        if msn not in self._values:
            self._values[msn] = [blocks.read_blocks(p[:WIDTH * HEIGHT], WIDTH, HEIGHT) for p in self.pictures(msn)]
        return self._values[msn]

    def shown(self, start: float, end: float) -> list[tuple[str, int]]:
        """(what, frame of it) for each picture between two dates."""
        return [blocks.describe(v) if v is not None else ("unreadable", -1) for n in self.between(start, end) for v in self.values(n)]


def span_of(answer: tuple[int, dict]) -> tuple[float, float]:
    status, body = answer
    if status != 200:
        raise AssertionError(f"the cue was refused: {status} {body}")
    return m3u8.parse_date(body["start"]), m3u8.parse_date(body["end"])


def watch(stage, person: str) -> tuple[dict, strict_client.StrictClient]:
    session = stage.session(person)
    client = strict_client.StrictClient(session["playlist"], [RUNG, "a0"], keep=True)
    client.start()
    return session, client


def wait_for(date: float) -> None:
    """Until the channel, whose time is the clock's, has come to this date."""
    time.sleep(max(0.0, date - time.time()))


def record(stage, folder) -> dict:
    """The run: cues as an operator gives them, and everybody watching."""
    out: dict = {"folder": folder}
    sessions, clients = {}, {}
    stage.wait_segments(stage.session("anna"), 1)
    for person in PEOPLE:
        sessions[person], clients[person] = watch(stage, person)
    assert stage.cue("mark_open", name="weather")[0] == 200
    out["feature"] = span_of(stage.cue("event_start", name="feature", seconds=8, at=time.time() + 5))
    wait_for(out["feature"][1] - 1)
    out["break"] = span_of(stage.cue("break_start", seconds=15, at=out["feature"][1] + 5))
    wait_for(out["break"][0] + 6)
    out["explained"] = {p: stage.explain(s) for p, s in sessions.items()}
    wait_for(out["break"][1] + 3)
    out["cut short"] = span_of(stage.cue("break_start", seconds=30, at=out["break"][1] + 5))
    wait_for(out["cut short"][0] + 1.5)
    sessions["late"], clients["late"] = watch(stage, "anna")
    wait_for(out["cut short"][0] + 11.3)
    status, answer = stage.cue("break_end")
    assert status == 200, answer
    out["ended"] = m3u8.parse_date(answer["end"])
    out["explained late"] = stage.explain(sessions["late"])
    wait_for(out["ended"] + 12)
    for client in clients.values():
        client.stopping.set()
    for client in clients.values():
        client.stop()
    out["metrics"] = stage.node.metrics()
    out["clients"] = clients
    out["people"] = {name: Recording(client) for name, client in clients.items()}
    return out


def setUpModule():
    media = viewing.prepare()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="dvpe-e2e-"))
    try:
        with viewing.stage(media, folder) as stage:
            RUN.update(record(stage, folder))
    except BaseException:
        print((folder / "node.log").read_text(errors="replace")[-3000:] if (folder / "node.log").exists() else "no log")
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    RUN["media"] = media


def tearDownModule():
    shutil.rmtree(RUN.get("media", {}).get("documents", "/nonexistent"), ignore_errors=True)


class EverybodySeesTheirOwn(unittest.TestCase):
    maxDiff = None

    def test_overlays_as_they_are_painted_and_not_anothers(self):
        """The picture just before the break, against the programme's own picture with each person's overlays painted on it."""
        start = RUN["break"][0]
        recorded = {p: RUN["people"][p] for p in PEOPLE}
        msn = recorded["anna"].between(start - 4.1, start)[-1]
        at = len(recorded["anna"].values(msn)) // 2
        number = recorded["anna"].values(msn)[at]
        self.assertEqual(blocks.describe(number)[0], "programme")
        base = viewing.programme_frame(RUN["media"], number)
        wall = recorded["anna"].state.segments[msn].date + at / FPS
        paintings = {p: viewing.painted(RUN["media"]["documents"], base, wall, RUN["explained"][p]["choice"]["overlays"]) for p in PEOPLE}
        figures = {}
        for person in PEOPLE:
            picture = recorded[person].pictures(msn)[at]
            own, rectangles = paintings[person]
            for rectangle in rectangles:
                value = viewing.likeness(picture, own, rectangle)
                figures[f"{person} {rectangle}"] = value
                self.assertGreaterEqual(value, 30, f"{person}'s overlay at {rectangle} is not what is painted")
            for other in PEOPLE:
                painting, theirs = paintings[other]
                different = [r for r in theirs if viewing.likeness(own, painting, r) < 25]
                if other != person:
                    self.assertTrue(different, f"{person}'s and {other}'s overlays are told apart nowhere")
                for rectangle in different:
                    value = viewing.likeness(picture, painting, rectangle)
                    self.assertLess(value, 25, f"{person} sees {other}'s overlay at {rectangle}")
        print("PSNR of overlays: " + ", ".join(f"{k} {v:.1f}" for k, v in figures.items()))

    def test_a_clip_of_their_own_for_who_follows_sports_and_the_programme_for_others(self):
        start, end = RUN["feature"]
        frames = round((end - start) * FPS)
        self.assertEqual(RUN["people"]["anna"].shown(start, end), [("clip-sports", n) for n in range(frames)])
        for person in ("bruno", "chadia", "dana"):
            self.assertEqual({what for what, _ in RUN["people"][person].shown(start, end)}, {"programme"}, person)

    def test_their_own_advertisement_from_its_first_picture_to_its_last(self):
        start, end = RUN["break"]
        for person, creative in CREATIVE.items():
            self.assertEqual(RUN["people"][person].shown(start, end), [(creative, n) for n in range(15 * FPS)], person)

    def test_the_very_pictures_of_the_conditioned_file(self):
        start, end = RUN["break"]
        for person, creative in CREATIVE.items():
            recording = RUN["people"][person]
            served = [p for n in recording.between(start, end) for p in recording.pictures(n)]
            conditioned = viewing.creative_frames(RUN["media"], creative)
            self.assertEqual(len(served), len(conditioned))
            different = [k for k, (a, b) in enumerate(zip(served, conditioned)) if a != b]
            self.assertEqual(different, [], f"{person}: pictures of {creative} differ from the conditioned file's")

    def test_the_programme_and_nothing_else_outside_of_spans(self):
        spans = [RUN["feature"], RUN["break"], (RUN["cut short"][0], RUN["ended"])]
        for person in PEOPLE:
            recording = RUN["people"][person]
            for msn, segment in recording.state.segments.items():
                if msn in recording.bodies and not any(s - 0.01 < segment.date < e - 0.01 for s, e in spans):
                    self.assertEqual({blocks.describe(v)[0] if v is not None else None for v in recording.values(msn)}, {"programme"}, f"{person} #{msn}")


class ABreakThatEndsEarly(unittest.TestCase):
    def test_ends_a_whole_number_of_seconds_after_its_start_and_before_its_time(self):
        start, planned = RUN["cut short"]
        self.assertAlmostEqual((RUN["ended"] - start) % 1, 0, delta=0.001)
        self.assertLess(RUN["ended"], planned)

    def test_brings_everybody_back_to_the_programme_on_the_same_picture(self):
        back = {}
        for person, recording in RUN["people"].items():
            start = RUN["cut short"][0] if person != "late" else RUN["ended"] - 0.5
            shown = recording.shown(start, RUN["ended"])
            if person != "late":
                self.assertEqual(shown, [(CREATIVE[person], n) for n in range(round((RUN["ended"] - start) * FPS))], person)
            first = recording.between(RUN["ended"], RUN["ended"] + 20)[0]
            self.assertAlmostEqual(recording.state.segments[first].date, RUN["ended"], delta=0.002)
            back[person] = blocks.describe(recording.values(first)[0])
        self.assertEqual(len(set(back.values())), 1, back)
        self.assertEqual(back["anna"][0], "programme")


class SomebodyWhoJoinsInTheBreak(unittest.TestCase):
    def test_sees_an_advertisement_of_their_own_in_the_rest_of_it(self):
        late = RUN["people"]["late"]
        told = [b for b in RUN["explained late"]["breaks"] if abs(m3u8.parse_date(b["date"]) - RUN["cut short"][0]) < 0.01]
        self.assertEqual(len(told), 1, RUN["explained late"]["breaks"])
        self.assertGreaterEqual(told[0]["joined_at_unit"], 1)
        begins = RUN["cut short"][0] + told[0]["joined_at_unit"]
        shown = late.shown(begins, RUN["ended"])
        self.assertLess(begins, RUN["ended"])
        self.assertEqual(shown, [("ad-car-1", n) for n in range(round((RUN["ended"] - begins) * FPS))])

    def test_is_served_the_same_times_as_everybody(self):
        self.assertEqual([str(f) for f in rules.compare({n: c.checker for n, c in RUN["clients"].items()})], [])


class TheStream(unittest.TestCase):
    def test_breaks_no_rule_for_anybody(self):
        for person, client in RUN["clients"].items():
            self.assertEqual([str(f) for f in client.faults[:10]], [], person)

    def test_keeps_the_timecode_continuous_outside_of_what_was_placed_and_sound_with_picture(self):
        for person, client in RUN["clients"].items():
            before = len(client.faults)
            media_rules.check_kept(client.checker, client.media, loop=RUN["media"]["loop"])
            self.assertEqual([str(f) for f in client.faults[before:before + 10]], [], person)

    def test_has_no_hole_and_loses_no_variant(self):
        for name in ("dvpe_holes_total", "dvpe_variants_lost_total"):
            self.assertEqual(sum(RUN["metrics"][name].values()), 0, name)


class Explain(unittest.TestCase):
    def test_names_the_overlays_with_the_rules_that_gave_them(self):
        expected = {"anna": {"sports-score": "sports-in-german", "local-weather": "weather-germany", "welcome": "welcome-german"},
                    "bruno": {"kitchen-tip": "cooking", "local-weather": "weather-france", "welcome": "welcome-french"},
                    "chadia": {"local-weather": "weather-emirates", "welcome": "welcome-arabic"}, "dana": {"welcome": "welcome-anybody"}}
        for person, overlays in expected.items():
            told = RUN["explained"][person]["overlays"]
            self.assertEqual({o["overlay"]: o["rule"] for o in told}, overlays, person)

    def test_names_the_advertisement_that_is_on_air(self):
        for person, creative in CREATIVE.items():
            told = [b for b in RUN["explained"][person]["breaks"] if abs(m3u8.parse_date(b["date"]) - RUN["break"][0]) < 0.01]
            self.assertEqual([[s["creative"] for s in b["slots"]] for b in told], [[creative]], person)

    def test_gives_the_clip_to_who_follows_sports_alone(self):
        clips = {p: RUN["explained"][p]["choice"]["clips"] for p in PEOPLE}
        self.assertEqual(clips["anna"]["feature"]["media"], "clip-sports")
        self.assertEqual([clips[p] for p in ("bruno", "chadia", "dana")], [{}, {}, {}])

    def test_says_that_a_rule_is_unknown_for_want_of_consent(self):
        rule = next(r for r in RUN["explained"]["dana"]["rules"] if r["rule"] == "sports")
        self.assertEqual(rule["verdict"], "unknown")
        self.assertIn("consent", str(rule["condition"]))

    def test_says_why_a_rule_does_not_apply(self):
        rule = next(r for r in RUN["explained"]["bruno"]["rules"] if r["rule"] == "sports")
        self.assertEqual(rule["verdict"], "false")
        self.assertIn("0.1", str(rule["condition"]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
