# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
import m3u8  # noqa: E402

GOOD = """#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:4
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-MAP:URI="init.mp4"
#EXT-X-DATERANGE:ID="b1",START-DATE="2026-11-22T10:00:04.000Z",PLANNED-DURATION=30,X-A="a,b=c"
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T10:00:00.000Z
#EXTINF:4.004,
7.m4s
#EXTINF:2.002,
8.m4s
"""


class Media(unittest.TestCase):
    def test_a_playlist_reads_as_written(self):
        media = m3u8.parse_media(GOOD)
        self.assertEqual((media.target, media.sequence, media.last), (4, 7, 8))
        self.assertEqual([s.uri for s in media.segments], ["7.m4s", "8.m4s"])
        self.assertAlmostEqual(media.segments[1].date - media.segments[0].date, 4.004, 6)
        self.assertFalse(media.segments[1].date_stated)
        self.assertEqual(media.dateranges[0]["X-A"], "a,b=c")

    def test_carriage_returns_are_line_ends_too(self):
        self.assertEqual(m3u8.parse_media(GOOD.replace("\n", "\r\n")).last, 8)

    def test_what_is_not_allowed_is_refused(self):
        for old, new in (("#EXTM3U", "#EXTM3X"), ("#EXT-X-TARGETDURATION:4\n", ""), ("DURATION:4", "DURATION:0"), ("DURATION:4", "DURATION:x"), ("#EXTINF:4.004,\n", ""),
                         ("#EXTINF:4.004,", "#EXTINF:4.004"), ("8.m4s\n", ""), ("8.m4s\n", "8.m4s"), ("VERSION:6", "VERSION:3"), ('URI="init.mp4"', 'URI="init.mp4'),
                         ("10:00:00.000Z", "10:00:00.000"), ("SEQUENCE:7\n", "SEQUENCE:7\n#EXT-X-MEDIA-SEQUENCE:8\n"), ('ID="b1"', 'ID="b1",ID="b2"')):
            self.assertIn(old, GOOD)
            with self.assertRaises(m3u8.PlaylistError, msg=f"{old!r} -> {new!r}"):
                m3u8.parse_media(GOOD.replace(old, new, 1))

    def test_the_two_kinds_do_not_mix(self):
        with self.assertRaises(m3u8.PlaylistError):
            m3u8.parse_media(GOOD + "#EXT-X-STREAM-INF:BANDWIDTH=1\n")
        with self.assertRaises(m3u8.PlaylistError):
            m3u8.parse_multivariant(GOOD)

    def test_a_multivariant_playlist_reads_as_written(self):
        text = ('#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="de",URI="a.m3u8"\n'
                '#EXT-X-STREAM-INF:BANDWIDTH=100,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO="a"\nv.m3u8\n')
        parsed = m3u8.parse_multivariant(text)
        self.assertEqual((parsed.variants[0].codecs, parsed.variants[0].resolution, parsed.variants[0].frame_rate), (["avc1.64001f", "mp4a.40.2"], (1280, 720), 29.97))
        self.assertEqual(parsed.renditions[0].uri, "a.m3u8")
        for broken in (text.replace("v.m3u8\n", ""), text.replace("BANDWIDTH=100,", ""), text.replace('NAME="de",', "")):
            with self.assertRaises(m3u8.PlaylistError):
                m3u8.parse_multivariant(broken)
