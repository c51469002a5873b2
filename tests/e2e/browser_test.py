# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""The reference player in headless Chromium over one break: it never waits, and the programme goes on where it must."""
from __future__ import annotations

import json
import pathlib
import shutil
import tempfile
import time
import unittest

import viewing

import nodeproc
import playback

PERSON, CREATIVE, BREAK_SECONDS = "anna", "ad-car-1", 15


class ThePlayer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        media = viewing.prepare()
        folder = pathlib.Path(tempfile.mkdtemp(prefix="dvpe-e2e-"))
        try:
            with viewing.stage(media, folder) as stage:
                stage.wait_segments(stage.session(PERSON), 2)
                before = nodeproc.metric(stage.node.metrics(), "dvpe_sessions") or 0
                browser = playback.Browser(stage.page(PERSON), folder / "browser.log", 42)
                # A browser may take its time to start: the break is for a session that is there when it is announced.
                nodeproc.wait_until(lambda: (nodeproc.metric(stage.node.metrics(), "dvpe_sessions") or 0) > before, 60,
                                    "the page's session", 0.5)
                time.sleep(4)
                status, answer = stage.cue("break_start", seconds=BREAK_SECONDS)
                assert status == 200, answer
                cls.seen = browser.result(120)
            cls.loop = media["loop"]
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            shutil.rmtree(media["documents"], ignore_errors=True)

    def test_plays_without_a_wait_an_error_or_a_hole(self):
        self.assertEqual(playback.complaints(self.seen), [], json.dumps({k: v for k, v in self.seen.items() if k != "values"}))
        self.assertGreater(self.seen["frames_decoded"], 30 * 30)

    def test_shows_the_advertisement_and_then_the_programme_again(self):
        shown = playback.shown(self.seen["values"])
        self.assertEqual(shown, ["programme", CREATIVE, "programme"])

    def test_keeps_the_timecode_continuous_outside_of_the_break(self):
        self.assertEqual(playback.timecode_jumps(self.seen["values"], self.loop, viewing.FPS), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
