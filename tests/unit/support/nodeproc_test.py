# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
import nodeproc  # noqa: E402

# Stands in for the node: reads its configuration, serves /readyz and /metrics, prints the ready line.
FAKE = """
import http.server, json, sys
if sys.argv[1] == 'keys':
    sys.exit(print('a-key') if sys.argv[2] == 'stream' and sys.argv[3] == '--config' else 'no such command')
assert sys.argv[1] == 'run' and sys.argv[2] == '--config'
print('starting', flush=True)
if 'fail = true' in open(sys.argv[3]).read():
    sys.exit('no such luck')
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'up 1\\n' if self.path == '/metrics' else b'ok'
        self.send_response(200 if self.path in ('/readyz', '/metrics') else 404)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *a): pass
s = http.server.HTTPServer(('127.0.0.1', 0), H)
print(json.dumps({'ready': True, 'http': s.server_port, 'rtmp': '127.0.0.1:1935'}), flush=True)
s.serve_forever()
"""


class NodeTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        script = pathlib.Path(self.folder.name) / "fake.py"
        script.write_text(f"#!{sys.executable}\n" + FAKE)
        script.chmod(0o755)
        self.binary = script

    def test_ports_are_learnt_and_the_process_is_gone_afterwards(self):
        with nodeproc.Node(self.binary, {"http": {"port": 0}}) as node:
            self.assertEqual(node.rtmp, 1935)
            node.wait_ready(5)
            self.assertEqual(nodeproc.metric(node.metrics(), "up"), 1)
            self.assertGreater(node.process.rss_bytes(), 1 << 20)
            self.assertGreater(node.process.open_files(), 2)
            self.assertGreaterEqual(node.process.cpu_seconds(), 0)
            pid, folder = node.process.pid, node.folder
        with self.assertRaises(ProcessLookupError):
            os.kill(pid, 0)
        self.assertFalse(folder.exists())

    def test_a_node_that_ends_is_told_with_its_log(self):
        with self.assertRaisesRegex(nodeproc.ProcessError, "no such luck"):
            nodeproc.Node(self.binary, "fail = true\n", pathlib.Path(self.folder.name) / "n").start(10)

    def test_other_commands_share_the_configuration(self):
        node = nodeproc.Node(self.binary, "", pathlib.Path(self.folder.name) / "n")
        self.assertEqual(node.command("keys", "stream"), "a-key\n")
        with self.assertRaisesRegex(nodeproc.ProcessError, "no such command"):
            node.command("keys", "other")

    def test_killed_and_started_again(self):
        node = nodeproc.Node(self.binary, "", pathlib.Path(self.folder.name) / "n")
        with node:
            first = node.process.pid
            node.kill()
            self.assertFalse(node.process.running)
            node.start()
            self.assertNotEqual(node.process.pid, first)

    def test_a_paused_process_can_be_stopped(self):
        with nodeproc.Process([sys.executable, "-c", "import time; time.sleep(60)"], self.folder.name + "/log") as process:
            process.pause()
            begun = time.monotonic()
            self.assertEqual(process.stop(5), -signal.SIGTERM)
            self.assertLess(time.monotonic() - begun, 4)

    def test_one_that_ignores_the_signal_is_killed(self):
        code = "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
        with nodeproc.Process([sys.executable, "-c", code], self.folder.name + "/log", lines=True) as process:
            self.assertEqual(process.lines.get(timeout=10), "up")
            self.assertEqual(process.stop(0.3), -signal.SIGKILL)


class PushTest(unittest.TestCase):
    def test_a_file_is_pushed_over_rtmp_until_it_is_stopped(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            source, received = folder / "in.flv", folder / "out.flv"
            subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=160x90:rate=25", "-frames:v", "25", "-c:v", "libx264", "-preset", "ultrafast", "-g", "25",
                            "-pix_fmt", "yuv420p", str(source)], check=True)
            url = f"rtmp://127.0.0.1:{nodeproc.free_port()}/live/key"
            listener = nodeproc.Process(["ffmpeg", "-v", "error", "-nostdin", "-y", "-listen", "1", "-i", url, "-c", "copy", "-frames:v", "40", received], folder / "listener.log")
            with listener:
                for _ in range(20):  # until it listens
                    with nodeproc.Push(source, url, folder / "push.log") as push:
                        try:
                            nodeproc.wait_until(lambda: not listener.running or not push.running, 20, "the listener to have enough")
                        except nodeproc.ProcessError:
                            break
                    if not listener.running:
                        break
                self.assertEqual(listener.wait(1), 0, listener.log_tail())
            self.assertFalse(push.running)
            self.assertGreater(received.stat().st_size, 2000)


class Text(unittest.TestCase):
    def test_toml_reads_back(self):
        values = {"name": "a \"b\" \\ ü", "n": 3, "x": 1.5, "on": True, "list": ["a", 1], "http": {"port": 0, "tls": {"on": False}},
                  "channel": [{"id": "c1", "keys": {"k": "v"}}, {"id": "c2"}], "empty": [], "odd key": 1}
        self.assertEqual(tomllib.loads(nodeproc.toml(values)), values)

    def test_metrics_read(self):
        parsed = nodeproc.parse_metrics('# HELP x y\nx{a="1",b="q\\"}"} 2\nx{a="2"} 3.5\ny 1e3\nbad line\nz NaN\n')
        self.assertEqual(nodeproc.metric(parsed, "x"), 5.5)
        self.assertEqual(nodeproc.metric(parsed, "x", a="1"), 2)
        self.assertEqual(nodeproc.metric(parsed, "y"), 1000)
        self.assertIsNone(nodeproc.metric(parsed, "none"))

    def test_ports(self):
        for text in (8080, "8080", "127.0.0.1:8080", "http://127.0.0.1:8080/x", "rtmp://h:8080"):
            self.assertEqual(nodeproc._port(text), 8080)
