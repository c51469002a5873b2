# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
import array
import math
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
import blocks  # noqa: E402
import boxes  # noqa: E402
import decode  # noqa: E402
import make_media  # noqa: E402
import media_rules  # noqa: E402

AD = blocks.media_base("ad-tea-1")


class Timecode(unittest.TestCase):
    def faults(self, values, **options):
        return [f.message for f in media_rules.check_timecode(values, **options)[0]]

    def test_a_programme_with_a_break_is_flawless(self):
        values = [*range(500, 600), *(AD + k for k in range(60)), *range(660, 700)]
        self.assertEqual(self.faults(values), [])
        self.assertEqual(self.faults(values, loop=3600), [])

    def test_a_lost_a_repeated_and_a_reordered_frame_are_found(self):
        for values in ([*range(50, 80), *range(81, 99)], [*range(50, 80), 79, *range(80, 99)], [50, 51, 53, 52, 54]):
            self.assertTrue(self.faults(values, loop=3600), values)
            self.assertTrue(self.faults(values), values)

    def test_a_return_to_the_wrong_frame_is_found(self):
        values = [*range(100, 150), *(AD + k for k in range(30)), *range(150, 200)]
        self.assertEqual(len(self.faults(values, loop=3600)), 1)
        self.assertEqual(len(self.faults(values)), 1)

    def test_the_joint_of_the_loop_may_slip_a_frame_and_no_more(self):
        self.assertEqual(self.faults([*range(3590, 3600), *range(0, 20)], loop=3600), [])
        self.assertEqual(self.faults([*range(3590, 3599), *range(0, 20)], loop=3600), [])
        self.assertEqual(self.faults([*range(3590, 3600), 3599, *range(0, 20)], loop=3600), [])
        self.assertTrue(self.faults([*range(3590, 3600), *range(9, 20)], loop=3600))
        self.assertTrue(self.faults([*range(3500, 3550), *range(0, 20)], loop=3600))

    def test_an_unreadable_frame_is_a_fault_and_slate_is_not(self):
        self.assertEqual(len(self.faults([*range(10, 20), None, *range(21, 30)], loop=3600)), 1)
        self.assertEqual(self.faults([*range(10, 20), *[None] * 90, *range(110, 130)], loop=3600), [])

    def test_an_ad_that_starts_late_or_runs_backwards_is_found(self):
        self.assertEqual(len(self.faults([1, 2, 3, AD + 30, AD + 31], loop=3600)), 1)
        self.assertEqual(len(self.faults([1, 2, 3, AD, AD + 1, AD, AD + 1], loop=3600)), 1)

    def test_joining_within_an_ad_is_no_fault(self):
        self.assertEqual(self.faults([AD + 200, AD + 201, 77, 78]), [])


class Offsets(unittest.TestCase):
    def offsets(self, claps, values=None):
        values = values or list(range(300))
        return media_rules.check_offsets([30, 90, 150], values, 1 / 30, 0.0, claps, (0.0, 10.0))

    def test_claps_on_their_flash_pass_and_late_ones_do_not(self):
        self.assertEqual(self.offsets([1.0, 3.02, 4.98])[0], [])
        self.assertEqual(len(self.offsets([1.0, 3.025, 5.0])[0]), 1)
        self.assertEqual(len(self.offsets([1.0, 5.0])[0]), 1)

    def test_a_flash_beside_a_cut_is_not_judged(self):
        values = list(range(300))
        values[91] = AD
        self.assertEqual(self.offsets([1.0, 5.0], values)[0], [])


class Claps(unittest.TestCase):
    def sound(self, starts, noise=0.0, seconds=6):
        chance = random.Random(1)
        out = array.array("h", bytes(2 * 48000 * seconds))
        for n in range(len(out)):
            value = 0.05 * math.sin(math.tau * 220 * n / 48000) + noise * chance.uniform(-1, 1)
            out[n] = int(value * 32767)
        for start in starts:
            for k in range(1920):
                out[start + k] = int(0.6 * math.sin(math.tau * 1000 * k / 48000) * 32767)
        return out

    def test_claps_are_found_within_a_millisecond(self):
        starts = [48000, 48000 * 3 + 777, 48000 * 5 + 13]
        found = decode.clap_starts(self.sound(starts, 0.02))
        self.assertEqual(len(found), 3)
        for a, b in zip(starts, found):
            self.assertLess(abs(a - b), 48)

    def test_clicks_and_other_tones_are_no_claps(self):
        sound = self.sound([])
        for k in range(200):
            sound[50000 + k] = 30000
        for k in range(4800):
            sound[150000 + k] = int(0.8 * math.sin(math.tau * 250 * k / 48000) * 32767)
        self.assertEqual(decode.clap_starts(sound), [])


class Likeness(unittest.TestCase):
    def test_psnr(self):
        self.assertEqual(decode.psnr(b"abc", b"abc"), math.inf)
        self.assertAlmostEqual(decode.psnr(bytes(100), bytes([1]) * 100), 48.13, 2)
        with self.assertRaises(ValueError):
            decode.psnr(b"a", b"ab")


class Kept(unittest.TestCase):
    """media_rules over real fragments."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        folder = pathlib.Path(cls.folder.name)
        source = make_media.make(folder, "25", 8, 0, [])["programme"]

        def fragments(name, *options):
            path = folder / name
            subprocess.run(["ffmpeg", "-v", "error", "-i", source, *options, "-c", "copy", "-use_editlist", "0", "-movflags",
                            "empty_moov+default_base_moof+separate_moof+frag_keyframe+omit_tfhd_offset", "-frag_duration", "2000000", str(path)], check=True)
            data = path.read_bytes()
            init, parts = b"", []
            for kind, body, end in boxes.boxes(data):
                if kind in ("ftyp", "moov"):
                    init += data[body - 8:end]
                elif kind == "moof":
                    parts.append(data[body - 8:end])
                elif kind == "mdat":
                    parts[-1] += data[body - 8:end]
            return init, parts

        cls.video_init, cls.video = fragments("v.mp4", "-map", "0:v")
        cls.audio_init, cls.audio = fragments("a.mp4", "-map", "0:a")

    def run_rules(self, video, audio):
        faults, stats = media_rules.check_run(self.video_init, video, self.audio_init, audio)
        return [(f.rule, f.message) for f in faults], stats

    def test_what_is_whole_has_no_fault(self):
        faults, stats = self.run_rules(self.video, self.audio)
        self.assertEqual(faults, [])
        self.assertEqual((stats["decoded"], stats["flashes"], stats["judged"]), (200, 4, 4))
        self.assertLess(abs(stats["offset_ms_mean"]), 2)

    def test_a_lost_segment_is_found_by_its_numbers(self):
        faults, _ = self.run_rules([self.video[0], *self.video[2:]], self.audio)
        self.assertIn(("timecode", "goes from 49 to 100"), faults)

    def test_sound_that_slipped_is_found_by_its_claps(self):
        init = boxes.parse_init(self.audio_init)
        moved = []
        for part in self.audio:
            tfdt = boxes.parse_segment(part, init).tfdt
            where = part.index(b"tfdt")
            size = 8 if part[where + 4] else 4
            moved.append(part[:where + 8] + (tfdt + 2048).to_bytes(size, "big") + part[where + 8 + size:])
        faults, stats = self.run_rules(self.video, moved)
        self.assertEqual({rule for rule, _ in faults}, {"av_offset"})
        self.assertAlmostEqual(stats["offset_ms_mean"], 42.7, delta=2)

    def test_damage_is_found_by_decoding(self):
        broken = bytearray(self.video[1])
        for k in range(len(broken) // 2, len(broken) // 2 + 4000):
            broken[k] ^= 0x5A
        faults, _ = self.run_rules([self.video[0], bytes(broken), *self.video[2:]], self.audio)
        self.assertTrue(faults)


class Generated(unittest.TestCase):
    """The generator against the readers, through real encoders, at the rates whose units are not a second as well."""

    def test_numbers_flashes_and_claps_survive_encoding(self):
        for fps, bframes in (("30", 0), ("29.97", 2)):
            with self.subTest(fps), tempfile.TemporaryDirectory() as folder:
                made = make_media.make(pathlib.Path(folder), fps, 4, bframes, [])
                unit = make_media.Unit(fps)
                seen = decode.read_file(made["programme"])
                self.assertEqual(seen.values, list(range(4 * unit.frames)))
                self.assertEqual(seen.flash_starts(), [unit.frames, 3 * unit.frames])
                claps = [n / 48000 for n in decode.clap_starts(decode.file_samples(made["programme"]))]
                pairs = decode.av_offsets([unit.seconds(n) for n in seen.flash_starts()], claps)
                self.assertEqual(len(pairs), 2)
                for _, offset in pairs:
                    self.assertLess(abs(offset), 0.002)
                self.assertEqual(make_media.make(pathlib.Path(folder), fps, 4, bframes, [])["made"], [], "made again though nothing changed")

    def test_default_programmes_hold_whole_aac_frames(self):
        for fps in make_media.RATES:
            unit = make_media.Unit(fps)
            frames = make_media.loopable(fps) * unit.frames
            self.assertEqual(frames * unit.den * 48000 % (unit.num * 1024), 0, fps)
