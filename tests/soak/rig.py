# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""A node of its own for soaks and fault tests: documents made from the demo's, conditioned ads, a publisher, viewers, cues.

    rig = Rig(folder, Programme("30"))        # 360p only; ladder=("v720", "v360") for both rungs
    with rig:                                  # node up, publisher up, three cells listed
        anna = rig.viewer("anna"); anna.start()
        rig.cue("break_start", seconds=16)

Generated media is made once into build/demo-media (30 fps) or build/soak; conditioned media into build/soak, named by a
digest of all that it is made from. Bounds collects what a test promises and says how it was kept.
"""
from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests" / "support"))
import m3u8  # noqa: E402
import make_media  # noqa: E402
import nodeproc  # noqa: E402
import rules  # noqa: E402
import strict_client  # noqa: E402

DEMO = REPOSITORY / "resources" / "demo"
ADS = ("ad-car-1", "ad-car-2", "ad-house-1", "ad-house-2")  # what personas anna (car) and dana (house) see
TICKS = 240000


class Bounds:
    """Each line a promise: what, how much at most, what it was. Exit code 1 when one is broken."""

    def __init__(self) -> None:
        self.broken = 0

    def most(self, what: str, measured: float, limit: float, unit: str = "") -> None:
        self._line(measured is not None and measured <= limit, f"{what}: {_figure(measured)}{unit} (at most {_figure(limit)}{unit})")

    def least(self, what: str, measured: float, limit: float, unit: str = "") -> None:
        self._line(measured is not None and measured >= limit, f"{what}: {_figure(measured)}{unit} (at least {_figure(limit)}{unit})")

    def true(self, what: str, kept: bool) -> None:
        self._line(bool(kept), what)

    def no_faults(self, name: str, faults) -> None:
        for fault in faults[:10]:
            print(f"        {fault}", flush=True)
        self.most(f"{name}: faults", len(faults), 0)

    def _line(self, kept: bool, text: str) -> None:
        self.broken += not kept
        print(f"  {'ok    ' if kept else 'BROKEN'} {text}", flush=True)

    def exit_code(self) -> int:
        return 1 if self.broken else 0


@contextlib.contextmanager
def folder_of(bounds: Bounds, name: str):
    """A new folder for everything that a soak writes; it stays, and is named, when a promise was broken or the soak failed."""
    folder, whole = pathlib.Path(tempfile.mkdtemp(prefix=f"dvpe-{name}-")), False
    try:
        yield folder
        whole = not bounds.broken
    finally:
        if whole:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"kept: {folder}")


def _figure(value) -> str:
    return "nothing" if value is None else f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


class Programme:
    """The generated programme and ads at a frame rate."""

    def __init__(self, fps: str = "30", ads=ADS):
        self.fps, self.ratio = fps, make_media.RATES[fps]
        # The demo's own media where they serve, so that they are made once.
        self.folder = REPOSITORY / "build" / ("demo-media" if fps == "30" else f"soak/media-{fps}")
        made = make_media.make(self.folder, fps, ads=None if fps == "30" else list(ads))
        self.file, self.loop_frames = made["programme"], made["loop_frames"]
        self.ads = {name: made["ads"][name] for name in ads}
        self.unit = make_media.Unit(fps).seconds(make_media.Unit(fps).frames)  # seconds


def write_documents(folder: pathlib.Path, programme: Programme, ladder=("v360",), window: int = 60, change=None) -> None:
    """The demo's documents with this frame rate and ladder and no breaks by schedule. change(documents) may alter them:
    a dict file name -> document."""
    documents = {p.name: json.loads(p.read_text(encoding="utf-8")) for p in (DEMO / "documents").glob("*.json")}
    num, den = programme.ratio
    profile = documents["profile.json"]["body"]
    profile["fps"] = str(num) if den == 1 else f"{num}/{den}"
    profile["rungs"] = [r for r in profile["rungs"] if r["name"] in ladder]
    channel = documents["channel.json"]["body"]
    channel.pop("breaks", None)
    channel["windowSeconds"] = window
    if change:
        change(documents)
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in documents.items():
        (folder / name).write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")


def conditioned(node, programme: Programme, documents: pathlib.Path) -> pathlib.Path:
    """The ads, conditioned for the profile in `documents`. Made anew when the profile, an ad or our code changes."""
    whole = hashlib.sha256((documents / "profile.json").read_bytes())
    for name, file in sorted(programme.ads.items()):
        whole.update(name.encode())
        whole.update(pathlib.Path(file).with_suffix(".digest").read_bytes())
    for source in sorted([*(REPOSITORY / "shared" / "media").rglob("*.cpp"), *(REPOSITORY / "node" / "condition").rglob("*.cpp"),
                          *(REPOSITORY / "node" / "package").rglob("*.cpp")]):
        whole.update(source.read_bytes())
    folder = REPOSITORY / "build" / "soak" / f"conditioned-{programme.fps}-{whole.hexdigest()[:12]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_suffix(".lock"), "w", encoding="utf-8") as lock:  # two soaks may begin at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            condition_ads(node, programme, documents, folder)
    return folder


def condition_ads(node, programme: Programme, documents: pathlib.Path, folder: pathlib.Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for name, file in programme.ads.items():
        done = subprocess.run([str(node), "condition", str(file), "--id", name, "--profile", "demo", "--documents", str(documents), "--out", str(folder), "--quiet"],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{name} cannot be conditioned: {done.stderr[-1000:]}")
    (folder / "done").write_text("")


class Rig:
    """Node and publisher. Not thread-safe."""

    def __init__(self, folder, programme: Programme, ladder=("v360",), window: int = 60, change=None, config: dict | None = None, state=None, media=None,
                 push=None, env=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.programme = programme
        built = nodeproc.default_node()
        (self.folder / "bin").mkdir(exist_ok=True)  # a copy: the build may go on meanwhile; resources are looked up beside it
        self.binary = self.folder / "bin" / "dvpe-node"
        shutil.copy2(built, self.binary)
        if not (self.folder / "resources").exists():
            (self.folder / "resources").symlink_to(built.resolve().parent.parent / "resources")
        self.documents = self.folder / "documents"
        write_documents(self.documents, programme, ladder, window, change)
        self.media = pathlib.Path(media) if media else conditioned(self.binary, programme, self.documents)
        self.state = pathlib.Path(state) if state else self.folder / "state"
        values = {
            "node": {"state": str(self.state)},
            "http": {"address": "127.0.0.1", "port": nodeproc.free_port()},  # kept over restarts
            "rtmp": {"address": "127.0.0.1", "port": nodeproc.free_port()},
            "documents": {"folder": str(self.documents), "unsigned": True},
            "media": {"folder": str(self.media)},
            "demo": {"personas_file": str(DEMO / "personas.json")},
            "limits": {"encode_budget": 8},
        }
        for section, more in (config or {}).items():
            values[section] = {**values.get(section, {}), **more}
        self.node = nodeproc.Node(self.binary, values, self.folder, env=env)
        self.push_options = push or {}
        self.pusher: nodeproc.Push | None = None
        self.key = ""

    # -- life

    def start(self, seconds: float = 30.0) -> "Rig":
        if not self.key:
            self.key = json.loads(self.node.command("keys", "stream", "--channel", "demo", "--json"))["streamKey"]
        self.node.start(seconds)
        return self

    def publish(self, **options) -> nodeproc.Push:
        """Starts a publisher."""
        options = {**self.push_options, **options}
        file = options.pop("file", self.programme.file)
        self.pusher = nodeproc.Push(file, f"rtmp://127.0.0.1:{self.node.rtmp}/live/{self.key}", self.folder / "push.log", **options).start()
        return self.pusher

    def on_air(self, cells: int = 3, seconds: float = 40.0) -> None:
        """So many cells are listed."""
        before = self.last_msn()
        if before < 0:
            before, cells = nodeproc.wait_until(lambda: max(0, self.last_msn()), seconds, "a first segment"), cells - 1
        nodeproc.wait_until(lambda: self.last_msn() >= before + cells, seconds, f"{cells} more segments", 0.1)

    def stop(self) -> None:
        if self.pusher:
            self.pusher.stop()
        self.node.stop()

    def __enter__(self) -> "Rig":
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    # -- asking

    def last_msn(self) -> int:
        """-1: nothing is listed yet."""
        return int(nodeproc.metric(self.node.metrics(), "dvpe_media_sequence"))

    def metric(self, name: str) -> float | None:
        return nodeproc.metric(self.node.metrics(), name)

    def post(self, path: str, body: dict, headers: dict | None = None) -> tuple[int, dict]:
        request = urllib.request.Request(self.node.base + path, json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})}, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"{}")

    def cue(self, kind: str, **fields) -> dict:
        key = (self.state / "keys" / "operator.key").read_text().strip()
        status, answer = self.post("/v1/channels/demo/cues", {"type": kind, **fields}, {"Authorization": f"Bearer {key}"})
        if status != 200:
            raise RuntimeError(f"{kind} answered {status}: {answer}")
        return answer

    def playlist_url(self, persona: str) -> str:
        status, answer = self.post("/v1/sessions", {"channel": "demo", "persona": persona})
        if status not in (200, 201):
            raise RuntimeError(f"no session for {persona}: {status} {answer}")
        return self.node.base + answer["playlist"]

    def viewer(self, persona: str, stale_slack: float = 0.0, poll: float = 0.5, **options) -> strict_client.StrictClient:
        """poll: seconds. Half a target duration, as players do, would see a segment up to two seconds late and call it stale."""
        return strict_client.StrictClient(self.playlist_url(persona), settings=rules.Settings(stale_slack=stale_slack), poll=poll, **options)

    def listed(self, url: str, rendition: str = "v360") -> m3u8.Media | None:
        """The media playlist beside a multivariant URL as it is now; None when there is no good answer."""
        status, body = nodeproc.http_get(url.rsplit("/", 1)[0] + f"/{rendition}.m3u8")
        return m3u8.parse_media(body.decode()) if status == 200 else None

    def log_lines(self, since: int = 0, levels=("warning", "error", "critical")) -> list[str]:
        """The node's complaints, from this byte of its log on."""
        text = self.node.log_path.read_bytes()[since:].decode(errors="replace")
        return [line for line in text.splitlines() if len(line.split(" ", 2)) > 1 and line.split(" ", 2)[1] in levels]

    def log_size(self) -> int:
        return self.node.log_path.stat().st_size

    def sleep_until(self, date: float) -> None:
        """date: seconds since 1970."""
        time.sleep(max(0.0, date - time.time()))


def seconds_of(iso: str) -> float:
    return m3u8.parse_date(iso)
