# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""Viewers of a node who only look whether they are served: every answer but 200 is a failure. strict_client looks closer."""
from __future__ import annotations

import json
import threading
import urllib.parse
import urllib.request

import m3u8
import nodeproc


class Viewers(threading.Thread):
    """Sessions on one node, each of which asks for its playlist every few seconds and for the newest segment in it."""

    def __init__(self, base: str, channel: str, personas: list[str], rendition: str = "v360", pause: float = 2.0):
        super().__init__(daemon=True)
        self.base, self.channel, self.personas, self.rendition, self.pause = base, channel, personas, rendition, pause
        self.stopping = threading.Event()
        self.requests = 0
        self.failed: list[str] = []

    def _get(self, url: str) -> bytes:
        self.requests += 1
        try:
            status, body = nodeproc.http_get(url)
        except OSError as error:
            status, body = 0, str(error).encode()
        if status != 200:
            self.failed.append(f"{status} {url[-60:]} {body[:100]!r}")
            return b""
        return body

    def _session(self, persona: str) -> str:
        """The URL of a new session's media playlist."""
        self.requests += 1
        request = urllib.request.Request(f"{self.base}/v1/sessions", json.dumps({"channel": self.channel, "persona": persona}).encode(),
                                         {"Content-Type": "application/json"}, method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            playlist = self.base + json.loads(answer.read())["playlist"]
        media = urllib.parse.urljoin(playlist, f"{self.rendition}.m3u8")
        nodeproc.wait_until(lambda: nodeproc.http_get(media)[0] == 200, 60, f"{self.channel} on air", 0.2)
        return media

    def run(self) -> None:
        sessions = [[self._session(persona), None] for persona in self.personas]
        while not self.stopping.is_set():
            for session in sessions:
                body = self._get(session[0])
                if b"#EXTINF" in body:
                    newest = urllib.parse.urljoin(session[0], m3u8.parse_media(body.decode()).segments[-1].uri)
                    if newest != session[1] and self._get(newest):
                        session[1] = newest
            self.stopping.wait(self.pause)
