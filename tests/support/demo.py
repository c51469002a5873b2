#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""The demo: a programme pushed over RTMP to a node on this machine, and four people who see it each their own way.

    demo.py --node PATH [--for SECONDS] [--json] [--rungs v360[,v720]]

Documents come the real way: a private PostgreSQL in a folder of its own, a person of each role, who write, approve, sign and
countersign them, a coordinator that makes releases, and the node, which takes nothing else.

Breaks of 30 s come every 90 s by the channel's schedule. Between them this script opens the events that rules react to, as
an operator would: "feature" (a replaced clip) and "weather" (an overlay), and a creator publishes another greeting. With --for, a strict client watches as each of the
four, and the exit code is 0 only when it found no fault. Media and what is conditioned of it are kept in build/ for next time.
"""
from __future__ import annotations

import argparse
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import demo_week  # noqa: E402
import make_media  # noqa: E402
import nodeproc  # noqa: E402
import plane as planes  # noqa: E402
import rules  # noqa: E402
import stage as staging  # noqa: E402
import strict_client  # noqa: E402

BUILD = nodeproc.repository() / "build"
FEATURE_SECONDS, FEATURE_AFTER = 20, 12   # after the end of a break
WEATHER_SECONDS, WEATHER_AFTER = 16, 36
PUBLISH_AFTER = 24
COLOURS = ("#f59e0b", "#34d399", "#38bdf8")  # of the greeting's accent, one after the other
OVERLAY_WORDS = {"sports-score": "the score of the match", "kitchen-tip": "a tip from the kitchen", "local-weather": "the weather in their town, when it comes to it",
              "welcome": "a greeting"}


class Stopped(Exception):
    """Somebody pressed Ctrl-C, or asked us to end."""


def free_or(preferred: int) -> int:
    """This port if nobody listens on it, else 0: any."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", preferred))
        except OSError:
            return 0
    with socket.socket() as probe:  # bound to another address of this machine also counts
        probe.settimeout(0.5)
        return 0 if probe.connect_ex(("127.0.0.1", preferred)) == 0 else preferred


def cpu_of(*arguments: str) -> float:
    """CPU seconds that an ffmpeg takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error", *arguments], check=True, stdin=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def choose_rungs(programme: str, rungs: list[dict], people: int) -> tuple[list[str], str]:
    """The rungs that this machine can encode for the programme and everybody's variant at once, and why.

    Measured: 3 s decoded, and decoded and encoded as the profile does. The small picture's cost is taken by its area. Four
    fifths of all cores may be used, as the node's own budget has it. When it does not fit, only the smallest rung is kept.
    """
    seconds, cores = 3, os.cpu_count() or 1
    source = ["-t", str(seconds), "-threads", "1", "-i", programme, "-an"]
    large = rungs[0]
    decode = cpu_of(*source, "-f", "null", "-") / seconds
    both = cpu_of(*source, "-c:v", "libx264", "-preset", large["preset"], "-tune", "zerolatency", "-x264-params", "threads=1", "-crf", "23", "-f", "null", "-") / seconds
    area = sum(r["width"] * r["height"] for r in rungs) / (large["width"] * large["height"])
    need = decode + max(0.01, both - decode) * area * (1 + people)
    can = 0.8 * cores
    fits = cores >= 2 and need <= can
    names = [r["name"] for r in rungs]
    text = f"{need:.2f} cores for all rungs and {people} people, {can:.1f} may be used"
    return (names, text) if fits else (names[-1:], text + f": {names[-1]} only")


def describe(stage: staging.Stage, name: str, campaigns: dict) -> str:
    """What a persona sees, from the node's own explanation."""
    told = stage.explain(stage.session(name))
    seen = []
    for overlay in told.get("overlays", []):
        words = OVERLAY_WORDS.get(overlay["overlay"], overlay["overlay"])
        values = ", ".join(overlay.get("values", {}).values())
        seen.append(words + (f" ({values})" if values else ""))
    choice = told.get("choice", {})
    for event, clip in choice.get("clips", {}).items():
        seen.append(f"another clip ({clip['media']}) in place of the programme's {event}")
    first = [campaigns.get(s["campaign"], s["campaign"]) for s in told.get("break", {}).get("slots", [])]
    if first:
        seen.append(f"in breaks: {' and '.join(dict.fromkeys(first))}")
    return "; ".join(seen) or "the programme as it is"


class Operator(threading.Thread):
    """Opens and closes programme events between the scheduled breaks."""

    def __init__(self, stage: staging.Stage, schedule: dict, plane: planes.Plane, greeting: dict, say):
        super().__init__(daemon=True, name="operator")
        self.stage, self.schedule, self.plane, self.greeting, self.say = stage, schedule, plane, greeting, say
        self.published = 0
        self.stopping = threading.Event()
        self.problems: list[str] = []

    def run(self) -> None:
        every, offset, length = self.schedule["everySeconds"], self.schedule.get("offsetSeconds", 0), self.schedule["lengthUnits"]
        plan = [(0, self._break), (length + FEATURE_AFTER - 5, self._feature), (length + PUBLISH_AFTER, self._publish), (length + WEATHER_AFTER, self._weather), (length + WEATHER_AFTER + WEATHER_SECONDS, self._weather_ends)]
        while not self.stopping.is_set():
            cycle = (time.time() - offset) // every
            coming = min((start for k in (0, 1) for start in ((cycle + k) * every + offset + at for at, _ in plan) if start > time.time()))
            if self.stopping.wait(coming - time.time()):
                return
            at = round((coming - offset) % every)
            next(action for when, action in plan if when % every == at % every)()

    def _post(self, kind: str, **values) -> None:
        status, answer = self.stage.cue(kind, **values)
        if status != 200:
            self.problems.append(f"{kind}: {status} {answer}")

    def _break(self) -> None:
        self.say(f"break of {self.schedule['lengthUnits']} s: everybody sees advertisements of their own")

    def _feature(self) -> None:
        self._post("event_start", name="feature", seconds=FEATURE_SECONDS, at=time.time() + 5)
        self.say(f"in 5 s the programme's feature: who follows sports sees a clip for {FEATURE_SECONDS} s")

    def _publish(self) -> None:
        accent = next(layer for layer in self.greeting["body"]["layers"] if layer["name"] == "accent")
        accent["colour"] = COLOURS[self.published % len(COLOURS)]
        self.published += 1
        try:
            self.plane.publish([self.greeting])
        except (nodeproc.ProcessError, AssertionError) as error:
            self.problems.append(f"publish: {error}")
        self.say("cleo publishes a greeting with another colour; dina has approved it: on air from the next segment")

    def _weather(self) -> None:
        self._post("mark_open", name="weather")
        self.say("the weather: everybody who allows it sees their own town's")

    def _weather_ends(self) -> None:
        self._post("mark_close", name="weather")


class Demo:
    def __init__(self, options):
        self.options = options
        self.begun = 0.0
        self.stage: staging.Stage | None = None
        self.clients: dict[str, strict_client.StrictClient] = {}
        self.operator: Operator | None = None
        self.plane: planes.Plane | None = None
        self.week, self.shipped = 0, 0
        self.breaks: set[float] = set()
        self.run_folder = BUILD / "demo" / f"run-{os.getpid()}"

    def say(self, text: str) -> None:
        if self.options.json:
            print(text, file=sys.stderr, flush=True)
        else:
            print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)

    # -- before it is on air

    def prepare(self) -> tuple[str, pathlib.Path, pathlib.Path]:
        BUILD.joinpath("demo").mkdir(parents=True, exist_ok=True)
        for old in BUILD.joinpath("demo").glob("run-*"):  # of a demo that was killed
            if not pathlib.Path(f"/proc/{old.name[4:]}").exists():
                shutil.rmtree(old, ignore_errors=True)
        self.say("preparing the programme, advertisements and clips (only the first time takes a while)")
        made = make_media.make(BUILD / "demo-media")
        profile = staging.read_document(staging.DEMO / "documents", "profile")["body"]
        personas = json.loads((staging.DEMO / "personas.json").read_text(encoding="utf-8"))
        if self.options.rungs:
            rungs, why = self.options.rungs.split(","), "as asked"
        else:
            rungs, why = choose_rungs(made["programme"], profile["rungs"], len(personas))
        self.say(f"picture sizes: {', '.join(rungs)} ({why})")
        documents = staging.write_documents(self.run_folder / "documents", rungs)
        media = BUILD / "demo" / ("media-" + "-".join(rungs))
        staging.condition(self.options.node, documents, made["ads"], media, self.say)
        return made["programme"], documents, media

    def publish(self, documents: pathlib.Path) -> None:
        """A control plane of its own, and in it everything that is to be on air."""
        self.say("starting a private PostgreSQL; people sign and publish what is on air")
        self.run_folder.parent.chmod(0o755)
        self.run_folder.chmod(0o755)
        self.plane = planes.Plane(self.run_folder / "plane", self.options.node)
        self.plane.start()
        self.week = demo_week.first_day()
        self.plane.publish([json.loads(p.read_text(encoding="utf-8")) for p in sorted(documents.glob("*.json"))] + demo_week.documents(self.week))
        self.plane.coordinate()
        self.say("shipping a generated week of a paid campaign into its database")
        self.shipped = len(demo_week.ship(self.plane, self.week))

    def raise_curtain(self) -> None:
        programme, documents, media = self.prepare()
        schedule = staging.read_document(documents, "channel")["body"]["breaks"][0]
        # The programme's own time is the same whenever the demo begins: it is pushed from the start.
        self.publish(documents)
        self.stage = staging.Stage(self.options.node, self.run_folder, documents, media, programme, http=free_or(8080), rtmp=free_or(1935),
                                   control=self.plane.node_config("n1"))
        self.stage.start()
        stage = self.stage
        self.begun = time.time()
        first = stage.session(next(iter(stage.personas)))
        stage.wait_segments(first, 2)
        for name in stage.personas:
            stage.node.wait_playlist(stage.playlist(name))
        self.announce(documents, schedule)
        self.operator = Operator(stage, schedule, self.plane, json.loads((documents / "overlay-welcome.json").read_text(encoding="utf-8")), self.say)
        self.operator.start()

    def announce(self, documents: pathlib.Path, schedule: dict) -> None:
        stage = self.stage
        if self.options.json:
            print(json.dumps({"ready": True, "rtmp": stage.server, "http": stage.base,
                              "week": {"first_day": self.week, "events": self.shipped, "database": self.plane.server.port, "secrets": str(self.plane.hand_out()),
                                       "root_certificate": str(self.plane.server.root_certificate), "login": self.plane.people["adam"].login},
                              "personas": [{"name": n, "playlist": stage.playlist(n), "page": stage.page(n)} for n in stage.personas]}), flush=True)
            return
        found = (json.loads(p.read_text(encoding="utf-8")) for p in sorted(documents.glob("campaign-*.json")))
        campaigns = {d["id"]: d["body"]["title"] for d in found}
        print(f"\nOn air. One programme comes in at {stage.server}; open these in four tabs and compare:\n")
        for name, persona in stage.personas.items():
            print(f"  {persona['title']}")
            print(f"    page      {stage.page(name)}")
            print(f"    playlist  {stage.playlist(name)}")
            print(f"    sees      {describe(stage, name, campaigns)}\n")
        wait = schedule["everySeconds"] - (time.time() - schedule.get("offsetSeconds", 0)) % schedule["everySeconds"]
        print(f"A break of {schedule['lengthUnits']} s comes every {schedule['everySeconds']} s; the next one in {wait:.0f} s. On the page, \"Why am I seeing this?\" says which")
        print(f"rule gave what. Figures: {stage.base}/metrics. The node's log: {stage.node.log_path}.")
        print(f"What is on air was published by people: PostgreSQL at 127.0.0.1:{self.plane.server.port}, their logins in {self.plane.hand_out()}.")
        print(f"\nLast week, made up, {self.shipped:,} events: how a paid campaign did against its plan, and the channel's breaks. As the advertiser, then as an analyst (each asks")
        print("for a one-time password: its secret is in the .otpauth file beside the password):\n")
        print(f"  {demo_week.command(self.options.node, self.plane, self.week, 'plan', 'adam')}")
        print(f"  {demo_week.command(self.options.node, self.plane, self.week, 'fill', 'ann')}\n")
        print("Ctrl-C ends it all.\n", flush=True)

    # -- on air

    def watch(self) -> None:
        """A strict client for each persona: it keeps their variants on air and finds faults."""
        for name in self.stage.personas:
            client = strict_client.StrictClient(self.stage.playlist(name))
            self.clients[name] = client
            client.start()

    def stay(self) -> None:
        end = time.monotonic() + self.options.seconds if self.options.seconds else None
        while end is None or time.monotonic() < end:
            if not self.stage.node.process.running:
                raise nodeproc.ProcessError(f"the node ended\n{self.stage.node.process.log_tail()}")
            if not self.stage.push.running:
                self.say("the publisher ended; it is started again")
                self.stage.push.stop()
                self.stage.publish()
            time.sleep(min(0.5, max(0.0, end - time.monotonic())) if end else 0.5)

    def _breaks_seen(self) -> int:
        """Runs of segments of conditioned media of about a break's length, in the playlists that were watched."""
        most = 0
        for client in self.clients.values():
            state = next((s for s in client.checker.renditions.values() if s.kind == "video"), None)
            inside, count = False, 0
            for msn in sorted(state.segments) if state else []:
                placed = "/c/" in state.segments[msn].uri
                count += placed and not inside
                inside = placed
            most = max(most, count)
        return most

    def summary(self) -> tuple[dict, bool]:
        """What happened, and whether all was well."""
        metrics = self.stage.node.metrics()
        seconds = time.time() - self.begun
        out = {"seconds": round(seconds, 1), "segments": int(nodeproc.metric(metrics, "dvpe_cells_total") or 0), "holes": int(nodeproc.metric(metrics, "dvpe_holes_total") or 0),
               "variants_lost": int(nodeproc.metric(metrics, "dvpe_variants_lost_total") or 0), "operator_problems": self.operator.problems if self.operator else []}
        fault_count = out["holes"] + out["variants_lost"] + len(out["operator_problems"])
        if self.clients:
            for client in self.clients.values():
                client.stopping.set()
            for client in self.clients.values():
                client.stop()
            reports = {n: c.report() for n, c in self.clients.items()}
            crossed = rules.compare({n: c.checker for n, c in self.clients.items()})
            fault_count += sum(r["faults"] for r in reports.values()) + len(crossed)
            out["breaks_seen"] = self._breaks_seen()
            out["watched"] = {n: {"segments": r["segments"], "faults": r["faults"]} for n, r in reports.items()}
            out["first_faults"] = [str(f) for c in self.clients.values() for f in c.faults[:5]] + [str(f) for f in crossed[:5]]
        out["faults"] = fault_count
        return out, fault_count == 0 and out["segments"] > 0 and all(w["segments"] for w in out.get("watched", {}).values())

    def finish(self) -> bool:
        summary, good = self.summary()
        if self.options.json:
            print(json.dumps({"done": True, "ok": good, **summary}), flush=True)
        else:
            print(f"\n{summary['segments']} segments listed in {summary['seconds']:.0f} s", end="")
            print(f", {summary['breaks_seen']} breaks and clips seen, {summary['faults']} faults" if self.clients else f", {summary['faults']} faults")
            for fault in [*summary.get("first_faults", []), *summary["operator_problems"]]:
                print("  ", fault)
        return good

    def close(self) -> None:
        if self.operator:
            self.operator.stopping.set()
        if self.stage:
            self.stage.stop()
        if self.plane:
            self.plane.stop()
        shutil.rmtree(self.run_folder, ignore_errors=True)

    def run(self) -> int:
        good = True
        try:
            try:
                self.raise_curtain()
                if self.options.seconds:
                    self.watch()
                self.stay()
            except Stopped:
                if not self.operator:  # before it was on air
                    return 130
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            if self.stage.node.process.running:
                good = self.finish()
        except nodeproc.ProcessError as error:
            tail = self.stage.node.process.log_tail() if self.stage and self.stage.node.process else ""
            print(f"the demo failed: {error}\n{tail}", file=sys.stderr)
            good = False
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            self.close()
        return 0 if good else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--node", type=pathlib.Path, default=nodeproc.default_node())
    parser.add_argument("--for", dest="seconds", type=float, metavar="SECONDS", help="end by itself, with a summary")
    parser.add_argument("--json", action="store_true", help="one line of JSON when it is up, and one at the end")
    parser.add_argument("--rungs", help="picture sizes instead of those that the machine can afford: v360, or v720,v360")
    options = parser.parse_args()

    def stopped(*_):
        raise Stopped

    signal.signal(signal.SIGINT, stopped)
    signal.signal(signal.SIGTERM, stopped)
    return Demo(options).run()


if __name__ == "__main__":
    sys.exit(main())
