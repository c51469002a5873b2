#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""How well deliveries are forecast and audiences sized, from the decision sample of simulated weeks in a real PostgreSQL.

    forecast.py [--json] [--seeds N] [--audience-seeds N]

forecast_main.cpp describes the worlds. Of each seed there are three weeks of samples, seven of what was watched, and 200 campaigns
in each of the last three weeks. Those of the first two are forecast before they begin, and compared with what they delivered: that is
the experience. Then those of the last week are, which nobody has seen. `covered`: the share of their true deliveries
that are within the 90 % interval. `audience_error_p95`: how far `audience_size` is off of the true number of viewers a day, for
conditions that 8,000 to 12,500 of a million fulfil.
"""
from __future__ import annotations

import argparse
import datetime
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import bench_common as common
import people
import postgres

BENCH = common.BUILD / "bench" / "bench_forecast"
NODE = common.BUILD / "bin" / "dvpe-node"
TODAY = int(time.time() // 86400)
EPOCH = datetime.date(1970, 1, 1)
LOAD = """
CREATE TEMP TABLE t (day int, channel text, visitor bigint, draw int, attributes jsonb, breaks smallint[]);
\\copy t FROM '{file}'
INSERT INTO dvpe.sample_day SELECT DISTINCT date '1970-01-01' + day, {threshold}, 0, 0, true FROM t;
INSERT INTO dvpe.sample SELECT date '1970-01-01' + day, gen_random_uuid(), channel, visitor, draw, attributes, breaks FROM t;
ANALYZE dvpe.sample;
"""


def date(day: int) -> str:
    return str(EPOCH + datetime.timedelta(days=day))


class World:
    """A database with a generated world's files in it."""

    def __init__(self, server: postgres.Postgres, name: str, what: str, seed: int, folder: pathlib.Path):
        self.server, self.name, self.folder = server, name, folder
        folder.mkdir()
        subprocess.run([str(BENCH), what, str(folder), str(seed), str(TODAY)], check=True, timeout=600)
        server.ask(f"CREATE DATABASE {name} TEMPLATE base", database="postgres")
        self.ada = people.Person(server, "ada", ["admin"], database=name)
        for day in range(TODAY - 21, TODAY):
            self.ask(f"CREATE TABLE dvpe.sample_{date(day).replace('-', '')} PARTITION OF dvpe.sample FOR VALUES FROM ('{date(day)}') TO ('{date(day + 1)}')")

    def ask(self, sql: str) -> str:
        return self.server.ask(sql, database=self.name)

    def load(self, threshold: int) -> None:
        self.ask(LOAD.format(file=self.folder / "sample.tsv", threshold=threshold))

    def close(self) -> None:
        self.server.ask(f"DROP DATABASE {self.name}", database="postgres")
        shutil.rmtree(self.folder)


def lines_of(path: pathlib.Path) -> str:
    lines = json.loads(path.read_text())
    for line in lines:
        if "fromDay" in line:
            line["from"], line["to"] = date(line.pop("fromDay")), date(line.pop("toDay"))
        if "hours" in line:  # of days from Monday on; the world's week begins with the day of the week that today is
            line["hours"] = sorted({(n // 24 + TODAY + 3) % 7 * 24 + n % 24 for n in line["hours"]})
    return people.quoted(json.dumps(lines))


def weeks(server, seed: int, folder: pathlib.Path) -> dict:
    world = World(server, f"weeks{seed}", "weeks", seed, folder / f"weeks{seed}")
    world.load(2 ** 31 // 4)
    world.ask(f"CREATE TEMP TABLE r (name text, subject text, grain text, bucket bigint, keys text[], kind int, count float8, value float8);\n\\copy r FROM '{world.folder}/rollups.tsv'\n"
              "INSERT INTO dvpe.event_rollup SELECT name, subject, grain, to_timestamp(bucket), keys, kind, count, value FROM r; ANALYZE dvpe.event_rollup;")
    began = time.monotonic()
    for number, first in ((0, TODAY - 14), (1, TODAY - 7)):  # what ad operations have asked for on these days
        world.ask("INSERT INTO dvpe.forecast (line, \"from\", \"to\", available, deviation, goal) "
                  f"SELECT name, timestamptz '{date(first)} Z', timestamptz '{date(first + 7)} Z' - interval '2 hours', available, deviation, goal "
                  f"FROM events.forecast_lines({lines_of(world.folder / f'lines{number}.json')}, '{date(first)}', '{date(first + 7)}', '{date(first)}') WHERE people >= 20")
    rows = world.ada.as_proved(f"SELECT line, expected, low, high FROM analytics.forecast({lines_of(world.folder / 'lines2.json')}, '{date(TODAY)} Z', '{date(TODAY + 7)} Z')")
    took = (time.monotonic() - began) / 3
    told = {r[0]: tuple(float(x) if x else None for x in r[1:]) for r in (row.split("|") for row in rows.splitlines())}
    goals = {line["line"]: line.get("goal") for line in json.loads((world.folder / "lines2.json").read_text())}
    truth = json.loads((world.folder / "truth.json").read_text())
    factor, short, many = world.ask("SELECT * FROM events.forecast_experience()").split("|")
    known = {name: t for name, t in truth.items() if told[name][0] is not None}
    covered = {name: told[name][1] <= t <= told[name][2] for name, t in known.items()}
    reached = {name for name in known if goals[name] and truth[name] >= 0.99 * goals[name]}
    others = [name for name in known if name not in reached]
    off = [abs(told[n][0] - known[n]) / max(known[n], 1) for n in known]
    width = [(told[n][2] - told[n][1]) / 2 / max(told[n][0], 1) for n in known]
    out = {"seed": seed, "campaigns": len(known), "covered": round(sum(covered.values()) / len(known), 4), "reached_goal": len(reached),
           "covered_others": round(sum(covered[n] for n in others) / len(others), 4), "error_p50": round(common.median(off), 4),
           "half_width_p50": round(common.median(width), 4), "half_width_of_all": round(sum(told[n][2] - told[n][1] for n in known) / 2 / sum(told[n][0] for n in known), 4), "factor": round(float(factor), 3), "short": round(float(short), 4), "experience": int(many),
           "not_told": len(truth) - len(known), "seconds": round(took, 1)}
    world.close()
    return out


def audience(server, seed: int, folder: pathlib.Path) -> list[float]:
    world = World(server, f"audience{seed}", "audience", seed, folder / f"audience{seed}")
    world.load(2 ** 31 // 8)
    off = []
    for asked in json.loads((world.folder / "conditions.json").read_text()):
        viewers, low, high, *_ = world.ada.as_proved(f"SELECT * FROM analytics.audience_size('one', {people.quoted(json.dumps(asked['when']))})").split("|")
        off.append((abs(int(viewers) - asked["truth"]) / asked["truth"], int(low) <= asked["truth"] <= int(high)))
    world.close()
    return off


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--audience-seeds", type=int, default=5)
    options = parser.parse_args()
    machine = common.Machine()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="dvpe-forecast-"))
    os.chmod(folder, 0o755)
    server = postgres.Postgres(folder / "pg").start()
    try:
        server.ask("CREATE DATABASE base", database="postgres")
        subprocess.run([str(NODE), "db", "migrate", "--server", f"127.0.0.1:{server.port}", "--user", "postgres", "--database", "base",
                        "--password-file", server.password_file, "--root-certificate", server.root_certificate, "--quiet"], check=True, timeout=60)
        people.organisation(server, "demo", True, database="base")
        seeds = []
        for seed in range(1, options.seeds + 1):
            seeds.append(weeks(server, seed, folder))
            common.say(json.dumps(seeds[-1]))
        sized = []
        for seed in range(1, options.audience_seeds + 1):
            sized += audience(server, seed, folder)
            common.say(f"audiences of seed {seed}: off by at most {max(o for o, _ in sized):.4f}")
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    covered = [s["covered"] for s in seeds]
    result = {"covered": covered, "covered_mean": round(sum(covered) / max(len(covered), 1), 4), "seeds": seeds, "audiences": len(sized),
              "audience_error_p50": round(common.median([o for o, _ in sized]), 4) if sized else None,
              "audience_error_p95": round(common.percentile([o for o, _ in sized], 0.95), 4) if sized else None,
              "audience_covered": round(sum(c for _, c in sized) / len(sized), 4) if sized else None, "cores": common.cores(), **machine.since()}
    kept = all(0.85 <= c <= 0.95 for c in covered) and (not sized or result["audience_error_p95"] <= 0.05)
    if options.json:
        print(json.dumps(result))
    else:
        for key, value in result.items():
            if key != "seeds":
                print(f"{key:20} {value}")
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
