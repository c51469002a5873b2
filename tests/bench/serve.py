#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""./dev bench serve: playlists of 10,000 viewers against nginx with files of the same sizes.

One core for the server under test, one for the client (wrk, 200 keep-alive connections, no pipelining). Runs alternate
between the two servers; the figures are medians. A run in which the server's core was under 95 % busy is void and is
made again. docs/reference/benchmarks.md says what each figure is. Needs wrk and nginx-light.
"""

import argparse
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TICK = os.sysconf("SC_CLK_TCK")
CONNECTIONS = 200
BUSY = 0.95   # of the server's core, else the run is void
SHARE = 0.90  # of it that the server itself should have; a run with less is made again while there are tries left

CLIENT = """
local requests, n, i = {}, 0, 0
function init(args)
  for line in io.lines(args[1]) do
    n = n + 1
    requests[n] = wrk.format("GET", line)
  end
end
function request()
  i = i % n + 1
  return requests[i]
end
function done(summary, latency, _)
  local e = summary.errors
  io.write(string.format('{"requests":%d,"microseconds":%d,"bytes":%d,"errors":%d,"p50":%d,"p99":%d}\\n', summary.requests,
    summary.duration, summary.bytes, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""

NGINX = """
worker_processes 1;
worker_rlimit_nofile 65536;
daemon off;
{user}
pid {folder}/nginx.pid;
error_log {folder}/nginx.log warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  open_file_cache max=20000 inactive=1h;
  open_file_cache_valid 1h;
  keepalive_requests 1000000000;
  keepalive_timeout 75s;
  server_tokens off;
  etag off;
  max_ranges 0;
  types {{ {type} m3u8; }}
  {temporary}
  server {{
    listen 127.0.0.1:{port};
    root {folder}/files;
    add_header Last-Modified "";
{headers}
  }}
}}
"""


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def core_times(core):
    """(all, idle, stolen) of a core, in seconds. Waiting for the disk is idle."""
    for line in pathlib.Path("/proc/stat").read_text().splitlines():
        name, *values = line.split()
        if name == f"cpu{core}":
            t = [int(v) / TICK for v in values]
            return sum(t[:8]), t[3] + t[4], t[7]
    raise SystemExit(f"serve: there is no core {core}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Ours:
    """bench_serve: the director, the router and the server of a node, its timeline played in real time."""

    def __init__(self, folder, core, sessions):
        binary = ROOT / "build" / os.environ.get("DVPE_PRESET", "dev") / "bench" / "bench_serve"
        (folder / "node").mkdir()
        self.process = subprocess.Popen(["taskset", "-c", str(core), str(binary), str(folder / "node"), str(sessions)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.facts = json.loads(self.process.stdout.readline() or "{}")
        if not self.facts:
            raise SystemExit("serve: bench_serve did not start")
        self.port = self.facts["port"]
        self.pid = self.process.pid
        self.paths = folder / "node" / "paths"

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        self.process.wait(20)


class Nginx:
    """One worker that serves each session's playlist of a moment from a file."""

    def __init__(self, folder, core, ours):
        files = folder / "files"
        files.mkdir()
        self.paths = folder / "nginx-paths"
        headers = self.fetch(ours, files)
        (folder / "temporary").mkdir()
        self.port = free_port()
        temporary = "\n".join(f"  {kind}_temp_path {folder}/temporary;" for kind in
                              ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        kept = [(k, v) for k, v in headers
                if k.lower() not in ("date", "content-length", "content-type", "connection", "keep-alive")]
        (folder / "nginx.conf").write_text(NGINX.format(
            folder=folder, port=self.port, temporary=temporary,
            user="user root;" if os.geteuid() == 0 else "", type=dict(headers)["Content-Type"],
            headers="\n".join(f'    add_header {k} "{v}";' for k, v in kept)))
        binary = shutil.which("nginx") or "/usr/sbin/nginx"
        self.process = subprocess.Popen(["taskset", "-c", str(core), binary, "-p", str(folder), "-c", str(folder / "nginx.conf")],
                                        stderr=subprocess.DEVNULL)
        self.pid = self.worker()

    def fetch(self, ours, files):
        client = http.client.HTTPConnection("127.0.0.1", ours.port, timeout=10)
        with self.paths.open("w") as paths:
            for n, path in enumerate(ours.paths.read_text().splitlines()):
                client.request("GET", path)
                response = client.getresponse()
                body = response.read()
                if response.status != 200 or not body.startswith(b"#EXTM3U"):
                    raise SystemExit(f"serve: a session's playlist was answered with {response.status}")
                name = f"{n % 100:02d}"
                (files / name).mkdir(exist_ok=True)
                (files / name / f"{n}.m3u8").write_bytes(body)
                paths.write(f"/{name}/{n}.m3u8\n")
        client.close()
        return response.getheaders()

    def worker(self):
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        for _ in range(200):
            if self.process.poll() is not None:
                break
            found = children.read_text().split()
            if found:
                return int(found[0])
            time.sleep(0.05)
        raise SystemExit("serve: nginx did not start")

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


def measure(server, folder, cores, seconds):
    """One run. Times are of the server alone; busy is its core, whoever kept it so."""
    cpu, core = cpu_seconds(server.pid), core_times(cores[0])
    client_core = core_times(cores[1])
    out = subprocess.run(["taskset", "-c", str(cores[1]), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s",
                          "-s", str(folder / "client.lua"), f"http://127.0.0.1:{server.port}", "--", str(server.paths)],
                         check=True, capture_output=True, text=True).stdout
    cpu = cpu_seconds(server.pid) - cpu
    spent = [b - a for a, b in zip(core, core_times(cores[0]))]
    client_spent = [b - a for a, b in zip(client_core, core_times(cores[1]))]
    report = json.loads(out.strip().splitlines()[-1])
    if report["errors"] or not report["requests"]:
        raise SystemExit(f"serve: {report['errors']} requests failed")
    return {
        "rps": report["requests"] / (report["microseconds"] / 1e6),
        "cpu_us": cpu / report["requests"] * 1e6,
        "busy": 1 - spent[1] / spent[0],
        "server_share": min(1.0, cpu / (report["microseconds"] / 1e6)),
        "client_busy": 1 - client_spent[1] / client_spent[0],
        "steal": spent[2] / spent[0],
        "bytes": report["bytes"] / report["requests"],
        "latency_p99_us": report["p99"],
    }


def bench(options, folder, cores):
    (folder / "client.lua").write_text(CLIENT)
    ours = Ours(folder, cores[0], options.sessions)
    try:
        nginx = Nginx(folder, cores[0], ours)
        try:
            return compare(options, folder, cores, ours, nginx)
        finally:
            nginx.stop()
    finally:
        ours.stop()


def compare(options, folder, cores, ours, nginx):
    for server in (ours, nginx):
        measure(server, folder, cores, 2)  # warms caches
    runs = {"ours": [], "nginx": []}
    assemble, voided, disturbed = [], 0, 0
    while min(len(r) for r in runs.values()) < options.runs:
        name, server = ("ours", ours) if len(runs["ours"]) <= len(runs["nginx"]) else ("nginx", nginx)
        if server is ours:
            ours.ask("clear")
        run = measure(server, folder, cores, options.seconds)
        if not options.json:
            print(name, {k: round(v, 3) for k, v in run.items()}, file=sys.stderr)
        if run["busy"] < BUSY:
            voided += 1
            if voided > 2 * options.runs:
                raise SystemExit("serve: the server's core is not kept busy here: too many runs were void")
            continue
        if run["server_share"] < SHARE:
            disturbed += 1
            if disturbed <= 2 * options.runs:
                continue
        runs[name].append(run)
        if server is ours:
            assemble.append(ours.ask("report"))

    def median(name, key):
        return statistics.median(r[key] for r in runs[name])

    facts = ours.facts
    return {
        "rps": round(median("ours", "rps")),
        "nginx_rps": round(median("nginx", "rps")),
        "ratio": round(median("nginx", "cpu_us") / median("ours", "cpu_us"), 3),
        "assemble_ns_p50": statistics.median(a["p50"] for a in assemble),
        "assemble_ns_p99": statistics.median(a["p99"] for a in assemble),
        "bytes_per_session": round((facts["rss_after"] - facts["rss_before"]) / options.sessions),
        "cpu_us": round(median("ours", "cpu_us"), 2),
        "nginx_cpu_us": round(median("nginx", "cpu_us"), 2),
        "response_bytes": round(median("ours", "bytes")),
        "nginx_response_bytes": round(median("nginx", "bytes")),
        "sessions": facts["sessions"],
        "cohorts": facts["cohorts"],
        "pods_bound": facts["bound"],
        "cells": assemble[-1]["cells"],
        "busy": round(min(r["busy"] for k in runs for r in runs[k]), 3),
        "server_share": round(median("ours", "server_share"), 3),
        "nginx_server_share": round(median("nginx", "server_share"), 3),
        "steal": round(max(r["steal"] for k in runs for r in runs[k]), 4),
        "cores": os.cpu_count(),
        "voided": voided,
        "disturbed": disturbed,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one line and nothing else")
    parser.add_argument("--seconds", type=int, default=10, help="of each run")
    parser.add_argument("--runs", type=int, default=5, help="of each server")
    parser.add_argument("--sessions", type=int, default=10000)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        raise SystemExit("serve: two cores are needed, one for the server and one for the client")
    for tool in ("wrk", "nginx", "taskset"):
        if not (shutil.which(tool) or pathlib.Path("/usr/sbin", tool).exists()):
            raise SystemExit(f"serve: {tool} is not installed")
    with tempfile.TemporaryDirectory(prefix="dvpe-bench-serve-") as folder:
        report = bench(options, pathlib.Path(folder), cores)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
