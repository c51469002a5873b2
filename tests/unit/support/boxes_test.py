# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
import boxes  # noqa: E402


class Written(unittest.TestCase):
    def test_a_video_init_reads_back(self):
        for width, height in ((1280, 720), (640, 360), (426, 240), (1920, 1080)):
            facts = boxes.parse_init(boxes.make_init("video", 240000, width, height, level=31))
            self.assertEqual((facts.kind, facts.timescale, facts.codec), ("video", 240000, "avc1.64001f"))
            self.assertEqual((facts.width, facts.height, facts.sps_width, facts.sps_height), (width, height, width, height))

    def test_an_audio_init_reads_back(self):
        facts = boxes.parse_init(boxes.make_init("audio", 48000))
        self.assertEqual((facts.kind, facts.timescale, facts.codec, facts.channels, facts.sample_rate), ("audio", 48000, "mp4a.40.2", 2, 48000))

    def test_a_segment_reads_back(self):
        init = boxes.parse_init(boxes.make_init("video", 240000, 640, 360))
        facts = boxes.parse_segment(boxes.make_segment("video", 1 << 40, 8008, 120), init)
        self.assertEqual((facts.tfdt, facts.duration, facts.samples), (1 << 40, 120 * 8008, 120))
        self.assertTrue(facts.sync_first)
        self.assertTrue(facts.idr_first)

    def test_fragments_that_do_not_join_are_told(self):
        one, two = boxes.make_segment("audio", 0, 1024, 10), boxes.make_segment("audio", 10 * 1024 + 7, 1024, 10)
        self.assertEqual(boxes.parse_segment(one + two).inner_gaps, [(1, 10247, 10240)])
        self.assertEqual(boxes.parse_segment(one + two).duration, 20 * 1024)

    def test_a_sync_flag_on_a_picture_that_is_no_idr_does_not_deceive(self):
        init = boxes.parse_init(boxes.make_init("video", 240000, 640, 360))
        facts = boxes.parse_segment(boxes.make_segment("video", 0, 8000, 30, b"\x00\x00\x00\x02\x41\x9a"), init)
        self.assertTrue(facts.sync_first)
        self.assertFalse(facts.idr_first)

    def test_every_prefix_is_refused_or_read_but_never_crashes(self):
        init, segment = boxes.make_init("video", 240000, 640, 360), boxes.make_segment("video", 0, 8000, 30)
        for size in range(len(init)):
            with self.assertRaises(boxes.BoxError):
                boxes.parse_init(init[:size])
        for size in range(len(segment)):
            with self.assertRaises(boxes.BoxError):
                boxes.parse_segment(segment[:size])

    def test_every_flipped_byte_is_refused_or_read_but_never_crashes(self):
        init, segment = boxes.make_init("video", 240000, 640, 360), boxes.make_segment("video", 0, 8000, 30)
        for data, parse in ((init, boxes.parse_init), (segment, boxes.parse_segment)):
            for at in range(len(data)):
                for value in (0x00, 0xFF):
                    changed = bytearray(data)
                    changed[at] = value
                    try:
                        parse(bytes(changed))
                    except boxes.BoxError:
                        pass

    def test_a_box_larger_than_its_parent_is_refused(self):
        with self.assertRaises(boxes.BoxError):
            list(boxes.boxes(struct.pack(">I4s", 100, b"free")))


class MadeByOthers(unittest.TestCase):
    """The parser against fragments that libav wrote, and the writer against libav's reader."""

    def test_fragments_of_libav_read_as_libav_says(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "x.mp4"
            subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=426x240:rate=30000/1001", "-frames:v", "60", "-c:v", "libx264", "-preset",
                            "ultrafast", "-profile:v", "high", "-g", "30", "-pix_fmt", "yuv420p", "-video_track_timescale", "240000", "-movflags", "frag_keyframe+empty_moov+default_base_moof",
                            str(path)], check=True)
            data = path.read_bytes()
            said = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "packet=duration", "-of", "csv=p=0", str(path)], capture_output=True, text=True, check=True)
            durations = [int(v.strip(",")) for v in said.stdout.split()]
            init = boxes.parse_init(data)
            self.assertEqual((init.width, init.height, init.sps_width, init.sps_height, init.timescale), (426, 240, 426, 240, 240000))
            whole = b"".join(data[b - 8:e] for kind, b, e in boxes.boxes(data) if kind in ("moof", "mdat"))
            facts = boxes.parse_segment(whole, init)
            self.assertEqual((facts.samples, facts.duration, facts.fragments, facts.inner_gaps), (60, sum(durations), 2, []))
            self.assertTrue(facts.sync_first and facts.idr_first)

    def test_libav_reads_a_written_init(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "x.mp4"
            path.write_bytes(boxes.make_init("audio", 48000) + boxes.make_segment("audio", 4096, 1024, 4, filler=2))
            said = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "packet=pts,duration:stream=codec_name,profile,sample_rate,channels", "-of", "csv=p=0", str(path)],
                                  capture_output=True, text=True, check=True)
            self.assertIn("aac", said.stdout)
            self.assertIn("48000,2", said.stdout)
            self.assertEqual([line.split(",")[0] for line in said.stdout.split()[:4]], ["4096", "5120", "6144", "7168"])
