#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""What whoever operates a node relies on, against a real one: exit codes, probes, reload, draining, TLS, tokens.

Needs ffmpeg and openssl. $DVPE_NODE names the node. Two nodes run, one after the other: a plain one, and one with TLS.
"""
from __future__ import annotations

import base64
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
from nodeproc import Node, Push, default_node, metric, toml, wait_until  # noqa: E402

# One small rung and no schedule: nothing here is about pictures.
DOCUMENTS = [
    {"kind": "profile", "id": "small", "organisation": "test", "revision": 1,
     "body": {"fps": "30", "audioBitrate": 128000,
              "rungs": [{"name": "v180", "width": 320, "height": 180, "maxrate": 400000, "preset": "superfast", "x264": "crf=30", "threads": 1}]}},
    {"kind": "channel", "id": "news", "organisation": "test", "revision": 1,
     "body": {"title": "News", "profile": "small", "epoch": "2026-01-01T00:00:00Z", "windowSeconds": 60}},
]


def openssl(*words, data: bytes | None = None) -> bytes:
    return subprocess.run(["openssl", *map(str, words)], input=data, capture_output=True, timeout=30, check=True).stdout


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Platform:
    """A platform with an Ed25519 key: its key set, and the tokens that it gives."""

    def __init__(self, folder: pathlib.Path):
        self.folder, self.key = folder, folder / "platform.pem"
        openssl("genpkey", "-algorithm", "ed25519", "-out", self.key)
        public = openssl("pkey", "-in", self.key, "-pubout", "-outform", "DER")[-32:]
        self.jwks = json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "p1", "x": base64url(public)}]})

    def token(self, **claims) -> str:
        claims = {"sub": "viewer", "jti": os.urandom(8).hex(), "exp": int(time.time()) + 600, "aud": "dvpe-test", **claims}
        message = base64url(b'{"alg":"EdDSA","kid":"p1"}') + "." + base64url(json.dumps(claims).encode())
        (self.folder / "message").write_text(message)
        signature = openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.key, "-in", self.folder / "message")
        return message + "." + base64url(signature)


class Api:
    """Requests that follow no redirects."""

    def __init__(self, node: Node, context: ssl.SSLContext | None = None):
        self.node, self.context = node, context

    def ask(self, path: str, body=None, headers: dict | None = None):
        """(status, headers, body)"""
        port = self.node.http
        connection = (http.client.HTTPSConnection("localhost", port, timeout=10, context=self.context) if self.context
                      else http.client.HTTPConnection("127.0.0.1", port, timeout=10))
        try:
            connection.request("GET" if body is None else "POST", path, None if body is None else json.dumps(body), headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def status(self, *arguments, **named) -> int:
        return self.ask(*arguments, **named)[0]

    def session(self, **body) -> dict:
        status, _, answer = self.ask("/v1/sessions", {"channel": "news", **body})
        if status != 201:
            raise AssertionError(f"no session: {status} {answer!r}")
        return json.loads(answer)

    def on_air(self, seconds: float = 25) -> str:
        """A session's path, once its playlist lists something."""
        path = self.session()["playlist"].removesuffix("index.m3u8")
        wait_until(lambda: self.status(path + "v180.m3u8") == 200, seconds, "the first segment", 0.2)
        return path


class WithFolder(unittest.TestCase):
    documents = DOCUMENTS

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="dvpe-operations-"))
        if not os.environ.get("DVPE_KEEP"):
            cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        (cls.folder / "documents").mkdir()
        for document in cls.documents:
            (cls.folder / "documents" / f"{document['kind']}.json").write_text(json.dumps(document))
        cls.clip = cls.folder / "clip.flv"
        subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=30", "-f", "lavfi", "-i", "sine=r=48000", "-t", "5",
                        "-c:v", "libx264", "-preset", "ultrafast", "-g", "30", "-pix_fmt", "yuv420p", "-c:a", "aac", "-ac", "2", str(cls.clip)], timeout=60, check=True)
        cls.config = {
            "node": {"state": str(cls.folder / "state")}, "log": {"level": "info"}, "http": {"address": "127.0.0.1", "port": 0},
            "rtmp": {"address": "127.0.0.1", "port": 0}, "documents": {"folder": str(cls.folder / "documents"), "unsigned": True},
            "media": {"folder": str(cls.folder / "media")}, "platforms": {"audience": "dvpe-test"}, "secrets": {},
        }

    @classmethod
    def secret(cls, name: str, text: str) -> str:
        path = cls.folder / name
        path.touch(0o600)
        path.write_text(text)
        return str(path)


class AWrongConfiguration(WithFolder):
    def run_with(self, text: str) -> subprocess.CompletedProcess:
        file = self.folder / "wrong.toml"
        file.write_text(text)
        return subprocess.run([default_node(), "run", "--config", file], capture_output=True, text=True, timeout=30, check=False)

    def test_ends_with_6_and_says_where(self):
        done = self.run_with(toml(self.config).replace('port = 0', 'port = "http"', 1) + '\n[limitz]\nmax_sessions = 1\n')
        self.assertEqual(done.returncode, 6)
        self.assertRegex(done.stderr, r"wrong\.toml:\d+:8: http\.port: found the text \"http\"")
        self.assertRegex(done.stderr, r"wrong\.toml:\d+:2: limitz: unknown section; did you mean limits\?")
        self.assertEqual(done.stdout, "")

    def test_with_a_key_that_others_may_read_ends_with_4(self):
        path = self.secret("open.key", "0" * 64)
        os.chmod(path, 0o644)
        done = self.run_with(toml({**self.config, "secrets": {"viewer_key_file": path}}))
        self.assertEqual(done.returncode, 4)
        self.assertIn("secrets.viewer_key_file", done.stderr)


class APlainNode(WithFolder):
    """In the order of their names, on one node: it is drained at the end."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.platform = Platform(cls.folder)
        cls.config["secrets"] = {"operator_key_file": cls.secret("operator", "a" * 40 + "\n"),
                                 "platform_keys_file": cls.secret("platform.jwks", cls.platform.jwks)}
        cls.node = Node(default_node(), cls.config, cls.folder / "run")
        cls.addClassCleanup(cls.node.stop)
        cls.key = cls.node.command("keys", "stream", "--channel", "news").strip()
        cls.node.start()
        cls.api = Api(cls.node)
        cls.push = Push(cls.clip, cls.url(cls.key), cls.folder / "push.log")
        cls.addClassCleanup(cls.push.stop)

    @classmethod
    def url(cls, key: str) -> str:
        return f"rtmp://127.0.0.1:{cls.node.rtmp}/live/{key}"

    def reload(self, wanted: int) -> str:
        """SIGHUP; what the log says about it."""
        before = len(self.node.log_path.read_bytes())
        self.node.process.send(signal.SIGHUP)
        said = lambda: self.node.log_path.read_bytes()[before:].decode()  # noqa: E731
        wait_until(lambda: "the configuration is" in said(), 10, "the reload")
        wait_until(lambda: metric(self.node.metrics(), "dvpe_config_last_reload_success") == wanted, 5, f"dvpe_config_last_reload_success {wanted}")
        return said()

    def write_config(self, config) -> None:
        self.node.config_path.write_text(config if isinstance(config, str) else toml(config))

    def cue(self, key: str) -> int:
        return self.api.status("/v1/channels/news/cues", {"type": "mark_open", "name": "goal"}, {"Authorization": f"Bearer {key}"})

    def test_1_answers_its_probes(self):
        self.assertEqual(self.api.ask("/healthz")[2], b"ok\n")
        self.assertEqual(self.api.ask("/readyz")[0::2], (200, b"ready\n"))
        status, headers, body = self.api.ask("/metrics")
        self.assertEqual((status, headers["Content-Type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
        for line in body.decode().splitlines():
            self.assertRegex(line, r'^(# (HELP|TYPE) \S+ .+|[a-zA-Z_:][\w:]*(\{[^{}]*\})? [-+0-9.eInfNa]+)$')
        self.assertEqual(metric(self.node.metrics(), "dvpe_config_last_reload_success"), 1)
        for path in ("/nothing", "/live/index.m3u8", "/live//index.m3u8", "/live/", "/live/sports/index.m3u8", "/s/", "/m/", "/c/", "/v1/"):
            self.assertIn(self.api.status(path), (403, 404), path)
        for path in ("/v1/channels/cues", "/v1/channels//cues", "/v1/channels/sports/cues"):
            self.assertEqual(self.api.status(path, {}, {"Authorization": "Bearer " + "a" * 40}), 404, path)

    def test_2_is_ready_as_long_as_it_lists(self):
        self.push.start()
        self.api.on_air()
        self.assertEqual(self.api.status("/readyz"), 200)
        self.push.stop()  # slate goes on: the node is as good as before
        listed = lambda: metric(self.node.metrics(), "dvpe_cells_total", channel="news")  # noqa: E731
        before = listed()
        wait_until(lambda: listed() > before, 15, "slate to be listed", 0.2)
        self.assertEqual(self.api.status("/readyz"), 200)
        # Stopped for over three target durations: it says so itself, until it has caught up.
        self.node.process.pause()
        time.sleep(13)
        asked = http.client.HTTPConnection("127.0.0.1", self.node.http, timeout=10)
        self.addCleanup(asked.close)
        asked.request("GET", "/readyz")
        self.node.process.resume()
        self.assertEqual(asked.getresponse().status, 503)
        wait_until(lambda: self.api.status("/readyz") == 200, 20, "the node to catch up", 0.2)

    def test_3_takes_tokens_of_its_platform_alone(self):
        token = self.platform.token()
        first, again = self.api.session(token=token), self.api.session(token=token)
        explain = lambda s: json.loads(self.api.ask(s["explain"])[2])["session"]  # noqa: E731
        self.assertEqual(explain(first), explain(again), "a repeated request is the same session")
        self.assertNotEqual(explain(first), explain(self.api.session(token=self.platform.token())))
        self.api.session(token=self.platform.token(dvpe={"channel": "news", "attributes": {"country": "DE"}, "consent": ["personalised_content"]}))
        much = {f"a{i}": "x" * 100 for i in range(20)}
        self.assertEqual(self.api.status("/v1/sessions", {"channel": "news", "token": self.platform.token(dvpe={"attributes": much})}), 413)
        for bad in (self.platform.token(exp=int(time.time()) - 100), self.platform.token(aud="other"), self.platform.token(jti=""),
                    self.platform.token(dvpe={"channel": "sports"}), token[:-9] + ("A" if token[-9] != "A" else "B") + token[-8:], token[:100], "x" * 10240,
                    base64url(b'{"alg":"none","kid":"p1"}') + token[token.index("."):]):
            self.assertEqual(self.api.status("/v1/sessions", {"channel": "news", "token": bad}), 403)

    def test_4_gives_a_handle_for_players_that_take_an_address(self):
        session = self.api.session(handle=True)
        self.assertRegex(session["live"], r"^/live/news/index\.m3u8\?token=[0-9a-f]{32}$")
        for _ in range(2):
            status, headers, _ = self.api.ask(session["live"])
            self.assertEqual((status, headers["Location"]), (302, session["playlist"]))
            self.assertEqual(headers["Cache-Control"], "no-store")
        self.assertNotIn("live", self.api.session())
        for bad in ("0" * 32, self.platform.token(), "x"):
            self.assertEqual(self.api.status(f"/live/news/index.m3u8?token={bad}"), 403)
        self.assertEqual(self.api.status(session["live"].replace("/news/", "/sports/")), 403)

    def test_5_keeps_what_was_in_force_when_the_new_configuration_is_wrong(self):
        self.write_config({**self.config, "log": {"level": "debugg"}, "secrets": {"operator_key_file": self.secret("operator2", "b" * 40)}})
        said = self.reload(0)
        self.assertRegex(said, r"node\.toml:\d+:9: log\.level: found the text \"debugg\"")
        self.assertIn("what was in force stays", said)
        self.write_config({**self.config, "secrets": {"operator_key_file": self.secret("operator3", "short")}})
        self.assertIn("secrets.operator_key_file", self.reload(0))
        self.write_config("this is not TOML")
        self.reload(0)
        self.assertEqual(self.cue("a" * 40), 200)
        self.assertEqual(self.cue("b" * 40), 401)
        self.assertEqual(self.api.status("/healthz"), 200)

    def test_6_takes_what_can_change_while_it_runs_and_names_what_cannot(self):
        stranger = Platform(pathlib.Path(tempfile.mkdtemp(dir=self.folder)))
        config = {**self.config, "log": {"level": "debug"}, "http": {**self.config["http"], "threads": 3},
                  "secrets": {"operator_key_file": self.secret("operator4", "c" * 40), "platform_keys_file": self.secret("other.jwks", stranger.jwks)}}
        self.write_config(config)
        fresh = self.node.command("keys", "stream", "--channel", "news").strip()
        keys = self.folder / "state" / "keys" / "stream-keys.json"
        lines = keys.read_text().splitlines(keepends=True)
        keys.write_text(lines[0] + lines[2].lstrip(",") + "".join(lines[3:]))  # the former key is withdrawn
        said = self.reload(1)
        self.assertIn("takes a restart key=http.threads", said)
        self.assertIn("changed key=log.level", said)
        for secret in (fresh, self.key, "c" * 40):
            self.assertNotIn(secret, self.node.log_path.read_text())
        self.assertEqual((self.cue("a" * 40), self.cue("c" * 40)), (401, 200))
        self.assertEqual(self.api.status("/v1/sessions", {"channel": "news", "token": self.platform.token()}), 403)
        self.api.session(token=stranger.token())
        with Push(self.clip, self.url(self.key), self.folder / "old.log") as old:
            self.assertNotEqual(old.process.wait(10), 0)
        with Push(self.clip, self.url(fresh), self.folder / "new.log") as new:
            accepted = lambda: self.node.log_path.read_text().count("publisher accepted") >= 2  # noqa: E731
            wait_until(accepted, 10, "the publisher with the new key")
            self.assertTrue(new.running)

    def test_7_drains_on_sigterm_without_a_reset(self):
        path = self.api.on_air()
        clients = [Viewer(self.node.http, path + "v180.m3u8") for _ in range(49)] + [Viewer(self.node.http, "/readyz")]
        for client in clients:
            client.start()
        wait_until(lambda: all(c.answers >= 5 for c in clients), 20, "50 clients to be served")
        self.node.process.send(signal.SIGTERM)
        for client in clients:
            client.join(15)
        self.assertEqual(self.node.process.wait(15), 0)
        self.assertEqual([c.fault for c in clients if c.fault], [])
        self.assertTrue(all(c.said_goodbye for c in clients), "every client was told that the connection closes")
        self.assertEqual(clients[-1].statuses[-1], 503, "/readyz while it drains")
        self.assertTrue(all(set(c.statuses) == {200} for c in clients[:-1]))


class Viewer(threading.Thread):
    """A keep-alive client that asks again and again until it is told that the connection closes."""

    def __init__(self, port: int, path: str):
        super().__init__(daemon=True)
        self.port, self.path = port, path
        self.answers, self.statuses, self.fault, self.said_goodbye = 0, [], "", False

    def run(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 10) as s:
                reader = s.makefile("rb")
                while not self.said_goodbye:
                    s.sendall(f"GET {self.path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                    self.read(reader)
                    time.sleep(0.02)
        except (OSError, ValueError) as error:
            self.fault = f"{self.path} after {self.answers} answers: {error!r}"

    def read(self, reader):
        status = reader.readline()
        if not status.endswith(b"\r\n"):
            raise ValueError("the connection ended instead of an answer")
        length = None
        while (line := reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode().partition(":")
            if name.lower() == "content-length":
                length = int(value)
            if name.lower() == "connection" and value.strip().lower() == "close":
                self.said_goodbye = True
        body = reader.read(length)
        if length is None or len(body) != length:
            raise ValueError("the answer was cut off")
        self.statuses.append(int(status.split()[1]))
        self.answers += 1


class ANodeWithCertificates(WithFolder):
    def test_serves_playlists_over_https_and_takes_rtmps(self):
        certificate, key = self.folder / "tls.pem", self.secret("tls.key", "")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate)
        files = {"certificate": str(certificate), "key": key}
        config = {**self.config, "http": {**self.config["http"], **files}, "rtmp": {**self.config["rtmp"], "tls_port": 0, **files}}
        node = Node(default_node(), config, self.folder / "run")
        self.addCleanup(node.stop)
        stream = node.command("keys", "stream", "--channel", "news").strip()
        node.start()
        api = Api(node, ssl.create_default_context(cafile=str(certificate)))
        with Push(self.clip, f"rtmps://127.0.0.1:{node.ready['rtmps']}/live/{stream}", self.folder / "push.log") as push:
            try:
                path = api.on_air()
            except Exception:
                sys.stderr.write(node.process.log_tail() + (self.folder / "push.log").read_text())
                raise
            self.assertTrue(push.running)
            multivariant = api.ask(path + "index.m3u8")[2].decode()
            self.assertIn("#EXT-X-STREAM-INF", multivariant)
            playlist = api.ask(path + "v180.m3u8")[2].decode()
            init = re.search(r'#EXT-X-MAP:URI="([^"]+)"', playlist)[1]
            segment = [line for line in playlist.splitlines() if line and not line.startswith("#")][-1]
            for uri in (init, segment):
                status, headers, body = api.ask(uri)
                self.assertEqual((status, headers["Cache-Control"]), (200, "public, max-age=31536000, immutable"))
                self.assertIn(body[4:8], (b"ftyp", b"styp", b"moof", b"sidx", b"prft"))
        with self.assertRaises(OSError):  # plain HTTP to the port of HTTPS
            Api(node).ask("/healthz")
        self.assertNotIn(stream, node.log_path.read_text())
        self.assertEqual(node.stop(), 0)


if __name__ == "__main__":
    unittest.main()
