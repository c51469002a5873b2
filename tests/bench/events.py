#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""Events over HTTP, 20 to a POST, into the spool, from there into a real PostgreSQL, and counted there by a coordinator.

    events.py [--json] [--seconds N] [--sessions N]

Three measurements, with a node that has one core (its request loop, its spool, its shipper):
  accepted    players on the other core send as fast as they are answered; nothing is shipped meanwhile
  shipped     what has gathered is shipped; PostgreSQL has the other core
  end to end  20,000 events a second are sent, shipped and counted at the same time, by all of them on two cores: the time
              from an event's acceptance until the count has it
docs/reference/benchmarks.md says what each figure is.
"""
from __future__ import annotations

import argparse
import json
import os
import pathlib
import queue
import subprocess
import sys
import tempfile
import threading
import time

import bench_common as common

import plane as planes

BENCH = common.BUILD / "bench" / "bench_events"
TARGETS = {"accepted_per_s": 100_000, "shipped_per_s": 50_000, "end_to_end_s_p99": 5.0}
RATE = 20_000
COUNTED = 18 / 20  # of the events in a POST: two are parts of an advertisement
TICK = os.sysconf("SC_CLK_TCK")


class Side:
    """A process of the bench whose lines are JSON."""

    def __init__(self, core: int | None, *arguments):
        pinned = ["taskset", "-c", str(core)] if core is not None else []
        self.process = subprocess.Popen([*pinned, str(BENCH), *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lines: queue.Queue = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.lines.put(json.loads(line))
        self.lines.put(None)

    def hear(self, seconds: float = 300) -> dict:
        line = self.lines.get(timeout=seconds)
        if line is None:
            raise SystemExit("events: bench_events ended")
        return line

    def ask(self, word: str = "report") -> dict:
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return self.hear()

    def heard(self) -> list[dict]:
        out = []
        while not self.lines.empty():
            out.append(self.hear())
        return out

    def cpu(self) -> float:
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def postgres_cpu(folder: pathlib.Path) -> float:
    """CPU seconds of the server and all of its processes, those that have ended included."""
    pid = int((folder / "postmaster.pid").read_text().splitlines()[0])
    total = 0.0
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid or stat.parent.name == str(pid):
            total += (int(fields[11]) + int(fields[12]) + (int(fields[13]) + int(fields[14]) if stat.parent.name == str(pid) else 0)) / TICK
    return total


def pin(folder: pathlib.Path, cores: str) -> None:
    """Of the server, and of those that it starts from now on."""
    pid = int((folder / "postmaster.pid").read_text().splitlines()[0])
    subprocess.run(["taskset", "-a", "-c", "-p", cores, str(pid)], stdout=subprocess.DEVNULL, check=True)


class Run:
    def __init__(self, options, plane, folder: pathlib.Path, cores: list[int]):
        self.options, self.plane, self.folder, self.cores = options, plane, folder, cores
        node = plane.machines["n1"]
        (folder / "password").write_text(node.password)
        self.database = ["127.0.0.1", plane.server.port, node.login, folder / "password", plane.server.root_certificate]
        self.data = plane.server.data

    def client(self, facts: dict, connections: int, rate: float, core: int | None) -> Side:
        return Side(core, "client", facts["port"], self.folder / "tokens", connections, rate, facts["break"])

    def accepted(self, node: Side, facts: dict) -> dict:
        client = self.client(facts, 200, 0, self.cores[1])
        try:
            time.sleep(3)
            client.heard()
            before, cpu, began = node.ask(), node.cpu(), time.monotonic()
            time.sleep(self.options.seconds)
            after, spent, took = node.ask(), node.cpu() - cpu, time.monotonic() - began
            lines = client.heard()
            if lines[-1]["errors"]:
                raise SystemExit(f"events: {lines[-1]['errors']} requests failed")
        finally:
            client.stop()
        events = after["accepted"] - before["accepted"]
        return {"accepted_per_s": round(events / took), "requests_per_s": round((lines[-1]["requests"] - lines[0]["requests"]) / (lines[-1]["at"] - lines[0]["at"])),
                "accept_node_cores": round(spent / took, 2), "us_per_event": round(1e6 * spent / max(events, 1), 2),
                "events_per_commit": round(events / max(1, after["commits"] - before["commits"])), "bytes_per_event": round(after["bytes"] / max(1, after["accepted"]))}

    def shipped(self, node: Side) -> dict:
        pin(self.data, str(self.cores[1]))
        there = node.ask()["next"]
        cpu, postgres, began = node.cpu(), postgres_cpu(self.data), time.monotonic()
        node.ask("ship")
        while (now := node.ask())["shipped"] < there:
            time.sleep(0.05)
            if time.monotonic() - began > 300:
                raise SystemExit(f"events: {now} after five minutes")
        took = time.monotonic() - began
        return {"shipped_per_s": round(there / took), "shipped": there, "ship_node_cores": round((node.cpu() - cpu) / took, 2),
                "ship_postgres_cores": round((postgres_cpu(self.data) - postgres) / took, 2), "ship_errors": now["errors"]}

    def counted(self) -> int:
        """Without the parts of advertisements: told twice, they are counted once."""
        return int(float(self.plane.server.ask("SELECT coalesce(sum(count), 0) FROM dvpe.event_rollup WHERE grouping_name = 'channel' AND grain = 'day' AND kind BETWEEN 40 AND 43")))

    def end_to_end(self, node: Side, facts: dict) -> dict:
        pin(self.data, ",".join(map(str, self.cores)))
        subprocess.run(["taskset", "-a", "-c", "-p", ",".join(map(str, self.cores)), str(node.process.pid)], stdout=subprocess.DEVNULL, check=True)
        self.plane.coordinate()
        node.ask("ship")
        deadline = time.monotonic() + 300
        while self.plane.server.ask("SELECT count(*) FROM dvpe.event_batch WHERE NOT rolled") != "0" or node.ask()["shipped"] < node.ask()["next"]:
            if time.monotonic() > deadline:
                raise SystemExit("events: what was shipped is not counted")
            time.sleep(0.5)
        base, postgres, cpu, began = self.counted(), postgres_cpu(self.data), node.cpu(), time.monotonic()
        client = self.client(facts, 200, RATE / 20, None)
        seen = []  # (when, how many were counted)
        try:
            while time.monotonic() - began < self.options.seconds:
                seen.append((time.time(), self.counted() - base))
                time.sleep(0.05)
            took = time.monotonic() - began
            spent, database = node.cpu() - cpu, postgres_cpu(self.data) - postgres
        finally:
            sent = client.heard()
            client.stop()
        for _ in range(200):
            seen.append((time.time(), self.counted() - base))
            if seen[-1][1] >= sent[-1]["accepted"] * COUNTED:
                break
            time.sleep(0.1)
        else:
            raise SystemExit(f"events: {sent[-1]} were accepted, {seen[-1]} counted")
        if sent[-1]["errors"]:
            raise SystemExit(f"events: {sent[-1]['errors']} requests failed")
        for line in sent:
            line["counted"] = line["accepted"] * COUNTED
        lags, k = [], 0
        for line in sent[20:]:  # once it runs; each line stands for as many events as the next
            while seen[k][1] < line["counted"]:
                k += 1
            lags.append(seen[k][0] - line["at"])
        return {"end_to_end_s_p99": round(common.percentile(lags, 0.99), 2), "end_to_end_s_p50": round(common.percentile(lags, 0.5), 2),
                "end_to_end_rate": round((sent[-1]["accepted"] - sent[20]["accepted"]) / (sent[-1]["at"] - sent[20]["at"])),
                "end_to_end_node_cores": round(spent / took, 2), "end_to_end_postgres_cores": round(database / took, 2)}


def measure(options, cores: list[int]) -> dict:
    with tempfile.TemporaryDirectory(prefix="dvpe-bench-events-") as name:
        folder = pathlib.Path(name)
        os.chmod(folder, 0o755)
        with planes.Plane(folder / "plane", durable=True) as plane:
            run = Run(options, plane, folder, cores)
            node = Side(cores[0], folder, options.sessions, *run.database)
            try:
                facts = node.hear()
                time.sleep(12)  # the break is on air
                result = {}
                parts = {"accepted": lambda: run.accepted(node, facts), "shipped": lambda: run.shipped(node), "end": lambda: run.end_to_end(node, facts)}
                for name, part in parts.items():
                    if options.only == "end" and name != "end":
                        continue
                    result |= (more := part())
                    common.say(more)
                    if name == options.only:
                        break
                result["sampled_out"] = node.ask()["sampled"]
                return result
            finally:
                node.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--seconds", type=float, default=30, help="of the first measurement, and of the third")
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--only", choices=("accepted", "shipped", "end"), help="shipped: what the first has gathered; end: end to end alone")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        raise SystemExit("events: two cores are needed")
    machine = common.Machine()
    result = measure(options, cores)
    result |= {"workload": f"{options.sessions} sessions, 20 events to a POST, 200 connections; {RATE} events/s end to end", "cores": common.cores(), "cores_used": 2,
               **machine.since()}
    kept = all(result[k] >= v if k.endswith("per_s") else result[k] <= v for k, v in TARGETS.items() if k in result)
    if options.json:
        print(json.dumps(result))
    else:
        for key, value in result.items():
            print(f"{key:26} {value}" + (f"  (target {TARGETS[key]})" if key in TARGETS else ""))
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
