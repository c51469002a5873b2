# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "support"))
import boxes  # noqa: E402
import make_recordings as recordings  # noqa: E402
import rules  # noqa: E402
import strict_client  # noqa: E402

FOLDER = ROOT / "data" / "recordings"


def check(events):
    checker = rules.Checker()
    for event, data in events:
        strict_client.feed(checker, event, data)
    return checker


class Recordings(unittest.TestCase):
    def test_the_good_recording_has_no_fault(self):
        checker = strict_client.check_recording(FOLDER / "good")
        self.assertEqual([str(f) for f in checker.faults], [])
        self.assertEqual(checker.summary()["segments"], 24)

    def test_each_broken_recording_breaks_exactly_its_rule(self):
        names = sorted(p.name for p in FOLDER.iterdir() if p.name not in ("good", "cross_viewer"))
        self.assertGreaterEqual(len(names), 12)
        for name in names:
            with self.subTest(name):
                checker = strict_client.check_recording(FOLDER / name)
                self.assertEqual(set(checker.counts), {name}, [str(f) for f in checker.faults[:5]])

    def test_a_viewer_of_other_dates_is_flawless_alone_and_found_by_comparison(self):
        one, two = strict_client.check_recording(FOLDER / "good"), strict_client.check_recording(FOLDER / "cross_viewer")
        self.assertEqual(two.faults, [])
        self.assertEqual({f.rule for f in rules.compare({"one": one, "two": two})}, {"cross_viewer"})
        self.assertEqual(rules.compare({"one": one, "again": strict_client.check_recording(FOLDER / "good")}), [])

    def test_recordings_are_what_their_maker_makes_and_small(self):
        with tempfile.TemporaryDirectory() as folder:
            made = pathlib.Path(folder)
            recordings.write(made / "good", recordings.good())
            self.assertEqual((made / "good" / "events.jsonl").read_bytes(), (FOLDER / "good" / "events.jsonl").read_bytes())
        for path in FOLDER.rglob("*"):
            if path.is_file():
                self.assertLess(path.stat().st_size, 40_000, path)

    def test_a_file_outside_the_recording_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "events.jsonl").write_text('{"t":0,"kind":"init","rendition":"v","url":"u","status":200,"file":"../../etc/passwd"}\n')
            with self.assertRaises(ValueError):
                strict_client.check_recording(folder)


class Rules(unittest.TestCase):
    """What the recordings do not show."""

    def broken(self, change):
        edit = recordings.Edit()
        change(edit)
        return check(edit.events)

    def test_a_fragment_that_leaves_a_hole_inside_a_segment_is_a_gap(self):
        def change(edit):
            for k, (event, _) in enumerate(edit.events):
                if event["kind"] == "segment" and event["rendition"] == "a128" and event["msn"] == 107:
                    whole = boxes.parse_segment(recordings.segment("a128", 7))
                    half = whole.samples // 2
                    edit.events[k] = (event, boxes.make_segment("audio", whole.tfdt, 1024, half) +
                                      boxes.make_segment("audio", whole.tfdt + half * 1024 + 1, 1024, whole.samples - half))
        self.assertEqual(self.broken(change).counts, {"tfdt_gap": 1})

    def test_samples_that_do_not_fill_extinf_are_told(self):
        def change(edit):
            for name in recordings.VIDEO:
                for k, (event, _) in enumerate(edit.events):
                    if event["kind"] == "segment" and event["rendition"] == name and event["msn"] == 107:
                        edit.events[k] = (event, boxes.make_segment("video", recordings.cut(7), recordings.FRAME, 117))
        self.assertEqual(self.broken(change).counts, {"extinf_media": 2})

    def test_another_timescale_is_told_and_can_be_allowed(self):
        def change(edit):
            edit.events[:] = [(e, boxes.make_init("audio", 44100) if e["kind"] == "init" and e["rendition"] == "a128" else d) for e, d in edit.events]
        self.assertIn("timescale", self.broken(change).counts)
        edit = recordings.Edit()
        change(edit)
        checker = rules.Checker(rules.Settings(audio_timescale=None))
        for event, data in edit.events:
            strict_client.feed(checker, event, data)
        self.assertNotIn("timescale", checker.counts)

    def test_another_resolution_or_frame_rate_is_told(self):
        for old, new in (("RESOLUTION=640x360", "RESOLUTION=854x480"), ("FRAME-RATE=29.970", "FRAME-RATE=30.000"), ("mp4a.40.2", "mp4a.40.5")):
            def change(edit, old=old, new=new):
                edit.events[0][0]["text"] = recordings.replaced(edit.events[0][0]["text"], old, new)
            self.assertEqual(set(self.broken(change).counts), {"codecs"}, new)

    def test_a_date_that_moves_for_a_number_is_told(self):
        def change(edit):
            event = edit.last("v360")
            event["text"] = recordings.replaced(event["text"], recordings.date(4), recordings.date(4)[:-4] + "999Z")
        self.assertEqual(set(self.broken(change).counts) - {"renditions_disagree"}, {"date_continuity"})

    def test_an_extinf_that_changes_is_told_as_a_changed_number(self):
        def change(edit):
            event = edit.last("v360")
            event["text"] = recordings.replaced(event["text"], "#EXTINF:4.004", "#EXTINF:4.0041")
        self.assertIn("msn_uri", self.broken(change).counts)

    def test_a_run_of_short_cells_is_measured_over_half_a_target_duration(self):
        # The two-unit cell alone is half of the target: its bits count for themselves.
        def change(edit):
            edit.rewrite("v720", 3, extra=700)
        checker = self.broken(change)
        self.assertEqual(checker.counts, {"bandwidth": 1})
        self.assertEqual(checker.faults[0].msn, 103)

    def test_waiting_is_counted_from_when_the_client_could_first_have_known(self):
        edit = recordings.Edit()
        late = dict(edit.last("v360"))
        late["sent"] = late["t"] = late["t"] + 5.9
        self.assertEqual(check([*edit.events, (late, None)]).counts, {})
        late["t"] += 30  # a slow answer to an early question proves nothing
        self.assertEqual(check([*edit.events, (late, None)]).counts, {})

    def test_a_gap_segment_is_not_a_fault(self):
        def change(edit):
            for event in edit.playlists():
                mark = f"#EXT-X-PROGRAM-DATE-TIME:{recordings.date(5)}"
                event["text"] = event["text"].replace(mark, "#EXT-X-GAP\n" + mark)
            edit.events[:] = [(e, d) for e, d in edit.events if not (e["kind"] == "segment" and e["msn"] == 105)]
        self.assertEqual(self.broken(change).counts, {})

    def test_many_faults_of_a_rule_are_counted_but_not_all_kept(self):
        checker = rules.Checker(rules.Settings(fault_limit=3))
        for n in range(10):
            checker.fault("stale", "x", "v", n)
            checker.fault("stale", "x", "v", n)
        self.assertEqual((len(checker.faults), checker.counts["stale"]), (3, 10))

    def test_webvtt_is_judged(self):
        good = "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000\n\n1\n00:00:01.000 --> 00:00:02.500 line:90%\nHello\n\n00:02.000 --> 00:03.000\nAgain\n"
        self.assertIsNone(rules.webvtt_problem(good.encode()))
        self.assertIsNone(rules.webvtt_problem(b"WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000\n\n"))
        for old, new in (("WEBVTT", "WEBVTX"), ("X-TIMESTAMP-MAP", "X-TIMESTAMP"), ("MPEGTS:900000", "MPEGTS:"), ("02.500", "00.500"), ("01.000 -->", "1.000 -->"), ("00:02.000", "00:00.500")):
            self.assertIsNotNone(rules.webvtt_problem(good.replace(old, new, 1).encode()), new)
        self.assertIsNotNone(rules.webvtt_problem(b"WEBVTT\xff\n"))
        self.assertIsNotNone(rules.webvtt_problem(b""))
