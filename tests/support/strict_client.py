#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""A strict live HLS client: plays nothing, fetches everything, and reports each rule (rules.py) that the stream breaks.

    strict_client.py URL [--seconds 60] [--rendition v360 ...] [--record DIR] [--decode] [--json]
    strict_client.py --check DIR [DIR ...] [--decode] [--json]     judge recordings; several: also against each other

Exit code: 0 without faults, 1 with, 2 when nothing could be watched at all.

As a library: StrictClient(url).run(60) or start(), stop(), report(). One thread per rendition; the Checker is under a lock.
A recording is a folder with events.jsonl: one object per line, what was asked for, when, and the answer; segment bodies as
base64 in "data" or as files named in "file".
"""
from __future__ import annotations

import argparse
import base64
import gzip
import http.client
import json
import pathlib
import socket
import ssl
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import m3u8  # noqa: E402
import rules  # noqa: E402

TIMEOUT = 10.0
MAX_BODY = 64 << 20
MAX_REDIRECTS = 5


class Answer:
    def __init__(self, status: int, body: bytes, url: str, headers: dict, error: str = ""):
        self.status, self.body, self.url, self.headers, self.error = status, body, url, headers, error

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", errors="replace")


class Fetcher:
    """HTTP/1.1 with one kept connection per host. One thread at a time. Status 0 stands for a network error."""

    def __init__(self, headers: dict | None = None, timeout: float = TIMEOUT):
        self.headers = {"User-Agent": "dvpe-strict-client", **(headers or {})}
        self.timeout = timeout
        self.connections: dict[tuple, http.client.HTTPConnection] = {}

    def get(self, url: str, method: str = "GET", body: bytes | None = None, headers: dict | None = None) -> Answer:
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._once(url, method, body, headers)
            location = answer.headers.get("location")
            if answer.status in (301, 302, 303, 307, 308) and location:
                url = urllib.parse.urljoin(url, location)
                if answer.status == 303:
                    method, body = "GET", None
                continue
            return answer
        return Answer(0, b"", url, {}, "too many redirects")

    def _once(self, url: str, method: str, body: bytes | None, headers: dict | None) -> Answer:
        parts = urllib.parse.urlsplit(url)
        key = (parts.scheme, parts.hostname, parts.port)
        path = (parts.path or "/") + ("?" + parts.query if parts.query else "")
        for attempt in (0, 1):
            fresh = key not in self.connections
            try:
                if fresh:
                    maker = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
                    extra = {"context": ssl._create_unverified_context()} if parts.scheme == "https" and parts.hostname in ("127.0.0.1", "localhost") else {}
                    self.connections[key] = maker(parts.hostname, parts.port, timeout=self.timeout, **extra)
                connection = self.connections[key]
                connection.request(method, path, body=body, headers={**self.headers, **(headers or {})})
                response = connection.getresponse()
                data = response.read(MAX_BODY + 1)
                if len(data) > MAX_BODY:
                    raise http.client.HTTPException("body is too large")
                found = {k.lower(): v for k, v in response.getheaders()}
                if found.get("content-encoding") == "gzip":
                    data = gzip.decompress(data)
                if response.will_close:
                    self.close(key)
                return Answer(response.status, data, url, found)
            except (OSError, http.client.HTTPException, socket.timeout, EOFError) as error:
                self.close(key)
                # A kept connection may have been closed by the server meanwhile: once more on a new one.
                if fresh or attempt:
                    return Answer(0, b"", url, {}, f"{type(error).__name__}: {error}")
        return Answer(0, b"", url, {}, "no answer")

    def close(self, key=None) -> None:
        for k in [key] if key else list(self.connections):
            connection = self.connections.pop(k, None)
            if connection:
                connection.close()


class Recorder:
    """Writes events.jsonl and segment files. Thread-safe. Inline: bodies as base64 instead of files."""

    def __init__(self, folder, inline: bool = False):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.inline = inline
        self.lock = threading.Lock()
        self.out = open(self.folder / "events.jsonl", "w", encoding="utf-8")

    def write(self, event: dict, data: bytes | None = None, file: str | None = None) -> None:
        if data is not None:
            if self.inline:
                event["data"] = base64.b64encode(data).decode()
            else:
                path = self.folder / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
                event["file"] = file
        with self.lock:
            self.out.write(json.dumps(event, separators=(",", ":")) + "\n")
            self.out.flush()

    def close(self) -> None:
        with self.lock:
            self.out.close()


class Media:
    """Bodies kept for decoding: of one video and one audio rendition."""

    def __init__(self) -> None:
        self.inits: dict[str, bytes] = {}
        self.segments: dict[str, dict[int, bytes]] = {}

    def keep(self, rendition: str, msn: int, data: bytes) -> None:
        self.segments.setdefault(rendition, {})[msn] = data


class StrictClient:
    """Watches one URL: a multivariant playlist, or a single media playlist.

    renditions: names to watch (v360); None: all. poll: seconds between reloads; None: half a target duration.
    outages_allowed: no answer at all (a node that is being restarted) is counted as unanswered and asked again, not a fault;
    how long a stream may then stand still is Settings.stale_slack.
    record: a folder. keep: keep bodies for check_media(). on_event: called with each event (a dict) from any thread.
    """

    def __init__(self, url: str, renditions=None, record=None, keep: bool = False, settings: rules.Settings | None = None, poll: float | None = None,
                 headers: dict | None = None, on_event=None, timeout: float = TIMEOUT, outages_allowed: bool = False):
        self.url, self.wanted, self.poll, self.headers, self.timeout = url, set(renditions or ()), poll, headers, timeout
        self.checker = rules.Checker(settings)
        self.recorder = Recorder(record) if record else None
        self.media = Media() if keep else None
        self.on_event = on_event
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.threads: list[threading.Thread] = []
        self.outages_allowed, self.unanswered = outages_allowed, 0
        self.started = 0.0
        self.session_url = url
        self.request_seconds: list[float] = []

    # -- life

    def now(self) -> float:
        return time.monotonic() - self.started

    def start(self) -> bool:
        """Loads the multivariant playlist and starts a thread per rendition. False: nothing to watch (see the faults)."""
        self.started = time.monotonic()
        fetcher = Fetcher(self.headers, self.timeout)
        answer = fetcher.get(self.url)
        fetcher.close()
        self.session_url = answer.url
        if answer.status == 200 and not m3u8.is_multivariant(answer.text):
            with self.lock:
                state = self.checker.rendition(answer.url)
                state.url = answer.url
            names = [state.name]
        else:
            parsed = self._feed({"kind": "multivariant", "url": answer.url, "status": answer.status, "text": answer.text})
            if parsed is None:
                return False
            names = [n for n in self.checker.renditions if not self.wanted or n in self.wanted]
            missing = self.wanted - set(names)
            for name in sorted(missing):
                self.checker.fault("playlist_syntax", f"no rendition {name} in the multivariant playlist", name, None, self.now())
        for name in names:
            thread = threading.Thread(target=self._watch, args=(name,), name=f"watch-{name}", daemon=True)
            self.threads.append(thread)
            thread.start()
        return bool(names)

    def stop(self) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join(self.timeout * 3)
        if self.recorder:
            self.recorder.close()

    def run(self, seconds: float) -> dict:
        if self.start():
            self.stopping.wait(seconds)
        self.stop()
        return self.report()

    @property
    def faults(self) -> list[rules.Fault]:
        return self.checker.faults

    def report(self) -> dict:
        with self.lock:
            spent = sorted(self.request_seconds)
            return {"url": self.session_url, "seconds": round(self.now(), 1), **self.checker.summary(), "unanswered": self.unanswered,
                    "request_ms": {"count": len(spent), "p50": _at(spent, 0.5), "p99": _at(spent, 0.99), "max": _at(spent, 1.0)},
                    "first_faults": [f.as_dict() for f in self.checker.faults[:50]]}

    # -- watching

    def _feed(self, event: dict, data: bytes | None = None, file: str | None = None):
        """One event to recorder and checker, in one order."""
        with self.lock:
            event = {"t": round(self.now(), 4), **event}
            if self.recorder:
                self.recorder.write(dict(event), data, file)
            if self.media is not None and data is not None and event["status"] == 200:
                if event["kind"] == "init":
                    self.media.inits.setdefault(event["rendition"], data)
                else:
                    self.media.keep(event["rendition"], event["msn"], data)
            result = feed(self.checker, event, data)
        if self.on_event:
            self.on_event(event)
        return result

    def _get(self, fetcher: Fetcher, url: str) -> tuple[float, Answer]:
        sent = self.now()
        answer = fetcher.get(url)
        self.request_seconds.append(self.now() - sent)
        if len(self.request_seconds) > 200_000:
            del self.request_seconds[:100_000]
        return round(sent, 4), answer

    def _watch(self, name: str) -> None:
        fetcher = Fetcher(self.headers, self.timeout)
        state = self.checker.renditions[name]
        fetched: set[int] = set()
        maps: set[str] = set()
        last_map = ""
        try:
            while not self.stopping.is_set():
                begun = self.now()
                sent, answer = self._get(fetcher, state.url)
                if answer.status == 0 and self.outages_allowed:
                    self.unanswered += 1
                    self.stopping.wait(0.2)
                    continue
                media = self._feed({"kind": "playlist", "rendition": name, "sent": sent, "url": answer.url, "status": answer.status,
                                    "text": answer.text, "type": answer.headers.get("content-type", ""), "error": answer.error})
                if media:
                    for segment in media.segments:
                        if self.stopping.is_set():
                            break
                        if segment.map_uri and urllib.parse.urljoin(answer.url, segment.map_uri) not in maps:
                            last_map = urllib.parse.urljoin(answer.url, segment.map_uri)
                            maps.add(last_map)
                            self._init(fetcher, name, last_map)
                        if segment.msn not in fetched and not segment.gap:
                            if not self._segment(fetcher, name, segment.msn, urllib.parse.urljoin(answer.url, segment.uri)):
                                break
                            fetched.add(segment.msn)
                    gone = sorted(n for n in fetched if n < media.sequence)
                    fetched.difference_update(gone)
                    if gone and gone[-1] in state.segments and not self.stopping.is_set():
                        self._removed(fetcher, name, gone[-1], state.segments[gone[-1]].uri)
                    if media.endlist:
                        break
                pace = self.poll if self.poll is not None else (state.target or 2) / 2
                self.stopping.wait(max(0.05, pace - (self.now() - begun)))
            if last_map:  # and at the end once more: its bytes must still be the same
                self._init(fetcher, name, last_map)
        finally:
            fetcher.close()

    def _init(self, fetcher: Fetcher, name: str, url: str) -> None:
        _, answer = self._get(fetcher, url)
        self._feed({"kind": "init", "rendition": name, "url": url, "status": answer.status, "error": answer.error}, answer.body, f"{name}/init-{int(self.now() * 1000)}.mp4")

    def _segment(self, fetcher: Fetcher, name: str, msn: int, url: str) -> bool:
        """False: the node is away, and may be."""
        _, answer = self._get(fetcher, url)
        if answer.status == 0 and self.outages_allowed:
            self.unanswered += 1
            return False
        self._feed({"kind": "segment", "rendition": name, "msn": msn, "url": url, "status": answer.status, "error": answer.error}, answer.body, f"{name}/{msn}.m4s")
        return True

    def _removed(self, fetcher: Fetcher, name: str, msn: int, url: str) -> None:
        """The newest segment that left the list must live on for a while (HEAD: its bytes are known)."""
        answer = fetcher.get(url, "HEAD")
        self._feed({"kind": "removed", "rendition": name, "msn": msn, "url": url, "status": answer.status, "error": answer.error})

    def check_media(self, **options) -> dict:
        """Rules av_offset and timecode on the bodies kept (media_rules.py): faults are added to the checker's."""
        import media_rules  # decodes: only where it is asked for
        with self.lock:
            return media_rules.check_kept(self.checker, self.media, **options)


def _at(values: list[float], part: float) -> float | None:
    return round(values[min(len(values) - 1, int(part * len(values)))] * 1000, 1) if values else None


def watch_together(clients: dict[str, StrictClient], seconds: float) -> tuple[dict, list[rules.Fault]]:
    """Several viewers at once: the report of each, and what they contradict each other in. Keys name the viewers."""
    for client in clients.values():
        client.start()
    threading.Event().wait(seconds)
    for client in clients.values():
        client.stopping.set()
    for client in clients.values():
        client.stop()
    return {name: c.report() for name, c in clients.items()}, rules.compare({name: c.checker for name, c in clients.items()})


# ---- recordings

def feed(checker: rules.Checker, event: dict, data: bytes | None):
    """One event of a recording, or of now, into a checker."""
    kind, t = event["kind"], event["t"]
    if kind == "multivariant":
        return checker.on_multivariant(t, event["url"], event["status"], event["text"])
    if kind == "playlist":
        return checker.on_playlist(event["sent"], t, event["rendition"], event["url"], event["status"], event["text"], event.get("type"))
    if kind == "init":
        return checker.on_init(t, event["rendition"], event["url"], event["status"], data or b"")
    if kind == "segment":
        return checker.on_segment(t, event["rendition"], event["msn"], event["url"], event["status"], data or b"")
    if kind == "removed":
        return checker.on_removed(t, event["rendition"], event["msn"], event["url"], event["status"])
    raise ValueError(f"unknown event {kind!r}")


def events(folder):
    """(event, body) of each line of a recording."""
    folder = pathlib.Path(folder)
    with open(folder / "events.jsonl", encoding="utf-8") as lines:
        for line in lines:
            event = json.loads(line)
            data = None
            if "data" in event:
                data = base64.b64decode(event["data"])
            elif "file" in event:
                path = (folder / event["file"]).resolve()
                if folder.resolve() not in path.parents:
                    raise ValueError("file outside the recording")
                data = path.read_bytes()
            yield event, data


def check_recording(folder, settings: rules.Settings | None = None, keep: Media | None = None) -> rules.Checker:
    checker = rules.Checker(settings)
    for event, data in events(folder):
        if keep is not None and data is not None and event["status"] == 200:
            if event["kind"] == "init":
                keep.inits.setdefault(event["rendition"], data)
            else:
                keep.keep(event["rendition"], event["msn"], data)
        feed(checker, event, data)
    return checker


# ---- command line

def check_folders(options) -> int:
    checkers, total, reports = {}, 0, {}
    for folder in options.check:
        kept = Media() if options.decode else None
        checker = check_recording(folder, keep=kept)
        if options.decode:
            import media_rules
            reports[folder] = {"media": media_rules.check_kept(checker, kept, loop=options.loop_frames)}
        checkers[folder] = checker
        reports[folder] = {**reports.get(folder, {}), **checker.summary(), "first_faults": [f.as_dict() for f in checker.faults[:50]]}
        total += len(checker.faults)
        if not options.json:
            print(f"{folder}: {len(checker.faults)} faults")
            for fault in checker.faults:
                print("  ", fault)
    cross = rules.compare(checkers) if len(checkers) > 1 else []
    for fault in cross if not options.json else ():
        print("  ", fault)
    if options.json:
        print(json.dumps({"recordings": reports, "cross_viewer": [f.as_dict() for f in cross]}))
    return 1 if total or cross else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", nargs="?")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rendition", action="append", help="only this one (v360); may be repeated")
    parser.add_argument("--record", metavar="DIR")
    parser.add_argument("--check", nargs="+", metavar="DIR", help="judge recordings instead of watching")
    parser.add_argument("--decode", action="store_true", help="also decode: numbers on frames, claps and flashes")
    parser.add_argument("--loop-frames", type=int, help="frames of the looped programme (media.json), for --decode")
    parser.add_argument("--poll", type=float, help="seconds between reloads; half a target duration by default")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.check:
        return check_folders(options)
    if not options.url:
        parser.error("URL or --check DIR")
    client = StrictClient(options.url, options.rendition, options.record, keep=options.decode, poll=options.poll)
    report = client.run(options.seconds)
    if options.decode:
        report["media"] = client.check_media(loop=options.loop_frames)
        report.update(client.report())
    if options.json:
        print(json.dumps(report))
    else:
        print(f"{report['segments']} segments, {report['bytes']} bytes in {report['seconds']} s from {report['url']}; {report['faults']} faults")
        for fault in client.faults:
            print("  ", fault)
    if not report["segments"]:
        return 2
    return 1 if report["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
