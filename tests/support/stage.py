# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""A whole channel on air: conditioned media, a node with keys, a programme pushed over RTMP, cues and sessions.

The demo, the end-to-end tests and the long runs stand on it. What is conditioned is cached by a digest of the source and
of the profile; runs of different processes may share the cache.
"""
from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import m3u8
import nodeproc

DEMO = nodeproc.repository() / "resources" / "demo"


def read_document(folder: pathlib.Path, kind: str) -> dict:
    """The one document of that kind in a folder."""
    for path in sorted(pathlib.Path(folder).glob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        if document.get("kind") == kind:
            return document
    raise ValueError(f"no {kind} in {folder}")


def write_documents(target: pathlib.Path, rungs: list[str] | None = None, channel: dict | None = None, source: pathlib.Path = DEMO / "documents") -> pathlib.Path:
    """A copy of a folder of documents, with only these rungs and with these keys of the channel's body replaced (None: removed)."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    for path in target.glob("*.json"):
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["kind"] == "profile" and rungs:
            document["body"]["rungs"] = [r for r in document["body"]["rungs"] if r["name"] in rungs]
        if document["kind"] == "channel":
            body = {**document["body"], **(channel or {})}
            document["body"] = {k: v for k, v in body.items() if v is not None}
        path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return target


def condition(node, documents: pathlib.Path, sources: dict, out: pathlib.Path, say=lambda text: None) -> list[str]:
    """Conditions what the folder `out` does not hold yet. sources: media id -> file. Returns the ids that were made.

    A folder belongs to one profile: a changed profile, source or node version makes the file anew.
    """
    out.mkdir(parents=True, exist_ok=True)
    profile = read_document(documents, "profile")
    version = subprocess.run([str(node), "version"], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL).stdout.strip()
    list_path = out / "conditioned.json"
    with open(out / ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            known = json.loads(list_path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            known = {}
        made = []
        for number, (media_id, path) in enumerate(sources.items(), 1):
            mark = hashlib.sha256(json.dumps([profile["body"], version]).encode() + pathlib.Path(path).read_bytes()).hexdigest()[:24]
            if known.get(media_id, {}).get("mark") == mark and (out / known[media_id]["folder"] / "media.json").exists():
                continue
            say(f"conditioning {media_id} ({number} of {len(sources)})")
            if media_id in known:
                shutil.rmtree(out / known[media_id]["folder"], ignore_errors=True)
            done = subprocess.run([str(node), "condition", str(path), "--id", media_id, "--profile", profile["id"], "--documents", str(documents), "--out", str(out), "--quiet"],
                                  capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
            if done.returncode:
                raise nodeproc.ProcessError(f"{media_id} could not be conditioned ({done.returncode})\n{done.stderr[-2000:]}")
            folder = next(p.parent.name for p in out.glob("*/media.json") if json.loads(p.read_text(encoding="utf-8"))["id"] == media_id)
            known[media_id] = {"mark": mark, "folder": folder}
            list_path.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
            made.append(media_id)
        return made


def make_clip(path: pathlib.Path, seconds: int, tone: int, rate: int = 25) -> pathlib.Path:
    """A test picture with a tone, 640x360, for whoever does not mind what is in it."""
    subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=size=640x360:rate={rate}:duration={seconds}",
                    "-f", "lavfi", "-i", f"sine=frequency={tone}:sample_rate=48000:duration={seconds}", "-c:v", "libx264", "-preset", "ultrafast",
                    "-c:a", "aac", "-shortest", str(path)], check=True, timeout=60)
    return path


class Stage:
    """A node with one channel, its publisher, and whoever operates it. Use with `with`, or start() and stop()."""

    def __init__(self, node, folder, documents, media, programme, personas=DEMO / "personas.json", http: int = 0, rtmp: int = 0, seek: float = 0.0,
                 limits: dict | None = None, channel: str = "demo", control: dict | None = None):
        """control: sections of a configuration that has a control plane (plane.Plane.node_config); else `documents` is loaded as it is."""
        self.folder, self.programme, self.channel, self.seek = pathlib.Path(folder), programme, channel, seek
        self.personas = {p["name"]: p for p in json.loads(pathlib.Path(personas).read_text(encoding="utf-8"))}
        config = {"node": {"state": self.folder / "state"}, "http": {"address": "127.0.0.1", "port": http}, "rtmp": {"address": "127.0.0.1", "port": rtmp},
                  "media": {"folder": media}, "demo": {"personas_file": personas}}
        if control:
            config |= control | {"node": {**config["node"], **control["node"]}}
        else:
            config["documents"] = {"folder": documents, "unsigned": True}
        if limits:
            config["limits"] = limits
        self.node = nodeproc.Node(node, config, self.folder)
        self.push: nodeproc.Push | None = None
        self.key = ""

    # -- life

    def start(self, push: bool = True) -> "Stage":
        self.key = self.node.command("keys", "stream", "--channel", self.channel).strip()
        self.node.start(60)
        if push:
            self.publish()
        return self

    def publish(self) -> None:
        """Sends the programme as a broadcaster's encoder would. The key is visible in the list of processes: loopback only."""
        self.push = nodeproc.Push(self.programme, f"{self.server}/{self.key}", self.folder / "push.log", seek=self.seek).start()
        # An encoder has a machine of its own; here, at least what else runs may not starve it, where that is allowed.
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, self.push.process.pid, -10)

    def stop(self) -> int | None:
        if self.push:
            self.push.stop()
        return self.node.stop(15)

    def __enter__(self) -> "Stage":
        if not self.node.process:
            self.start()
        if not self.push:
            self.publish()
        return self

    def __exit__(self, *_):
        self.stop()

    # -- addresses

    @property
    def server(self) -> str:
        return f"rtmp://127.0.0.1:{self.node.rtmp}/live"

    @property
    def base(self) -> str:
        return self.node.base

    def playlist(self, persona: str) -> str:
        """One URL for any player: each time it is asked for, it leads to a new session."""
        return f"{self.base}/live/{self.channel}/index.m3u8?persona={persona}"

    def page(self, persona: str) -> str:
        return f"{self.base}/watch/{self.channel}?persona={persona}"

    # -- asking

    def post(self, path: str, body: dict, headers: dict | None = None) -> tuple[int, dict]:
        request = urllib.request.Request(self.base + path, json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})}, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode(errors="replace")
            with contextlib.suppress(ValueError):
                return error.code, json.loads(text)
            return error.code, {"error": text}
        except OSError as error:
            return 0, {"error": str(error)}

    def session(self, persona: str) -> dict:
        """{"session", "playlist", "explain"}: the last two as whole URLs."""
        status, body = self.post("/v1/sessions", {"channel": self.channel, "persona": persona})
        if status != 201:
            raise nodeproc.ProcessError(f"no session for {persona}: {status} {body}")
        return {**body, "playlist": self.base + body["playlist"], "explain": self.base + body["explain"]}

    def explain(self, session: dict) -> dict:
        status, body = nodeproc.http_get(session["explain"])
        if status != 200:
            raise nodeproc.ProcessError(f"explain answered {status}: {body[:300]!r}")
        return json.loads(body)

    def cue(self, kind: str, **values) -> tuple[int, dict]:
        """POST a cue with the operator's key. (status, answer)"""
        key = (self.folder / "state" / "keys" / "operator.key").read_text(encoding="utf-8").strip()
        return self.post(f"/v1/channels/{self.channel}/cues", {"type": kind, **values}, {"Authorization": f"Bearer {key}"})

    def wait_segments(self, session: dict, count: int, seconds: float = 60.0) -> m3u8.Media:
        """Until a session's first video rendition lists this many segments."""
        master = m3u8.parse_multivariant(self.node.wait_playlist(session["playlist"], seconds).decode())
        url = urllib.parse.urljoin(session["playlist"], master.variants[0].uri)

        def listed():
            status, body = nodeproc.http_get(url)
            media = m3u8.parse_media(body.decode()) if status == 200 and b"#EXTINF" in body else None
            return media if media and len(media.segments) >= count else None
        return self.node._wait(listed, seconds, f"{count} segments")  # pylint: disable=protected-access

