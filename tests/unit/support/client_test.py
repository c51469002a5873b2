# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
import http.server
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "support"))
import boxes  # noqa: E402
import strict_client  # noqa: E402

CELL = 240000  # one second, 25 frames


class Origin:
    """A live origin with cells of one second: one video, one audio, made on demand from the time that has passed."""

    def __init__(self):
        self.begun = time.monotonic()
        self.missing: set = set()
        self.frozen_at = None
        self.short_lived = self.gone = False
        self.content_type = "application/vnd.apple.mpegurl"
        self.hits: dict = {}
        origin = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                if origin.gone:  # kept connections end with the server
                    self.close_connection = True
                    return
                status, body, headers = origin.answer(self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/live/index.m3u8?token=t"

    def close(self):
        self.gone = True
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)

    def answer(self, path):
        self.hits[path] = self.hits.get(path, 0) + 1
        if self.short_lived and path.endswith(".m4s") and int(path.rsplit("/", 1)[-1].split(".")[0]) < int(time.monotonic() - self.begun) + 6:
            return 404, b"gone", {}
        if path.startswith("/live/"):
            return 302, b"", {"Location": "/s/abc/index.m3u8"}
        name = path.rsplit("/", 1)[-1]
        if path.startswith("/s/") and name == "index.m3u8":
            return 200, (b'#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="und",URI="a128.m3u8"\n'
                         b'#EXT-X-STREAM-INF:BANDWIDTH=50000,CODECS="avc1.64001e,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=25.000,AUDIO="a"\nv360.m3u8\n'), {}
        if path.startswith("/s/"):
            return 200, self.playlist(name.split(".")[0]).encode(), {"Content-Type": self.content_type}
        _, _, rendition, leaf = path.split("/")
        if path in self.missing:
            return 404, b"gone", {}
        video = rendition == "v360"
        if leaf == "init.mp4":
            return 200, boxes.make_init("video" if video else "audio", 240000 if video else 48000, 640, 360), {}
        n = int(leaf.split(".")[0])
        if video:
            return 200, boxes.make_segment("video", n * CELL, 9600, 25), {}
        slots = [round(k * 48000 / 1024) for k in (n, n + 1)]
        return 200, boxes.make_segment("audio", slots[0] * 1024, 1024, slots[1] - slots[0]), {}

    def playlist(self, rendition):
        last = int(time.monotonic() - self.begun) + 10
        if self.frozen_at is not None:
            last = min(last, self.frozen_at)
        first = last - 4
        lines = ["#EXTM3U", "#EXT-X-VERSION:6", "#EXT-X-TARGETDURATION:1", f"#EXT-X-MEDIA-SEQUENCE:{first}", f'#EXT-X-MAP:URI="/m/{rendition}/init.mp4"']
        for n in range(first, last + 1):
            lines += [f"#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:{n // 60:02d}:{n % 60:02d}.000Z", "#EXTINF:1.000,", f"/m/{rendition}/{n}.m4s"]
        return "\n".join(lines) + "\n"


class Live(unittest.TestCase):
    def setUp(self):
        self.origin = Origin()
        self.addCleanup(self.origin.close)

    def test_a_flawless_stream_has_no_fault_and_its_recording_neither(self):
        with tempfile.TemporaryDirectory() as folder:
            client = strict_client.StrictClient(self.origin.url, record=folder, keep=True)
            report = client.run(3)
            self.assertEqual([str(f) for f in client.faults], [])
            self.assertGreaterEqual(report["segments"], 14)
            self.assertTrue(report["url"].endswith("/s/abc/index.m3u8"))
            again = strict_client.check_recording(folder)
            self.assertEqual(again.faults, [])
            self.assertEqual(again.summary()["segments"], report["segments"])
            self.assertGreaterEqual(len(client.media.segments["v360"]), 7)

    def test_each_segment_is_fetched_once(self):
        strict_client.StrictClient(self.origin.url).run(2.5)
        self.assertLessEqual({n for path, n in self.origin.hits.items() if path.endswith(".m4s")}, {1, 2})  # 2: and once again when it was removed

    def test_a_missing_segment_and_a_stream_that_stops_are_found(self):
        self.origin.frozen_at = 11
        self.origin.missing.add("/m/v360/11.m4s")
        client = strict_client.StrictClient(self.origin.url)
        client.run(3.6)
        self.assertEqual(set(client.checker.counts), {"listed_404", "stale"})

    def test_a_segment_that_dies_with_its_listing_is_found(self):
        self.origin.short_lived = True
        client = strict_client.StrictClient(self.origin.url)
        client.run(2.6)
        self.assertEqual(set(client.checker.counts), {"removed_404"})

    def test_only_the_chosen_renditions_are_watched(self):
        strict_client.StrictClient(self.origin.url, renditions=["v360"]).run(0.5)
        self.assertFalse(any("/a128/" in path for path in self.origin.hits))
        client = strict_client.StrictClient(self.origin.url, renditions=["v999"])
        client.run(0.3)
        self.assertEqual(set(client.checker.counts), {"playlist_syntax"})

    def test_a_single_media_playlist_can_be_watched(self):
        client = strict_client.StrictClient(self.origin.url.replace("/live/index.m3u8?token=t", "/s/abc/v360.m3u8"))
        self.assertEqual(client.run(1.2)["faults"], 0)

    def test_several_viewers_compare(self):
        clients = {f"viewer {k}": strict_client.StrictClient(self.origin.url) for k in range(3)}
        reports, contradictions = strict_client.watch_together(clients, 1.5)
        self.assertEqual([r["faults"] for r in reports.values()], [0, 0, 0])
        self.assertEqual(contradictions, [])

    def test_a_playlist_that_says_it_is_something_else_is_found(self):
        self.origin.content_type = "text/plain"
        client = strict_client.StrictClient(self.origin.url)
        client.run(0.5)
        self.assertEqual(set(client.checker.counts), {"content_type"})

    def test_a_server_that_goes_away_is_a_fault_unless_that_is_allowed(self):
        for allowed, wanted in ((True, set()), (False, {"http_status"})):
            with self.subTest(allowed=allowed):
                origin = Origin()
                client = strict_client.StrictClient(origin.url, outages_allowed=allowed, poll=0.1, timeout=1)
                self.assertTrue(client.start())
                client.stopping.wait(0.7)
                origin.close()
                client.stopping.wait(0.7)
                client.stop()
                self.assertEqual(set(client.checker.counts) - {"listed_404"}, wanted)
                self.assertEqual(client.unanswered > 0, allowed)

    def test_the_command_line_answers_in_json(self):
        done = subprocess.run([sys.executable, str(ROOT / "support" / "strict_client.py"), self.origin.url, "--seconds", "1.2", "--json"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(json.loads(done.stdout)["faults"], 0)


class Nobody(unittest.TestCase):
    def test_no_server_is_a_fault_not_a_crash(self):
        client = strict_client.StrictClient("http://127.0.0.1:9/index.m3u8", timeout=2)
        report = client.run(1)
        self.assertEqual(report["segments"], 0)
        self.assertEqual(set(client.checker.counts), {"http_status"})
