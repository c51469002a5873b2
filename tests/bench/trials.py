#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""How often the test of experiments calls a difference that is none, and finds one that is there.

    trials.py [--json] [--seeds N]

Each seed is an experiment whose viewers arrive all the time, half of them in each arm; it is looked at 50 times in equal steps
while they go on watching. The unit is the viewer: its sum so far. Events are clustered and heavy-tailed: a viewer has
1 + Poisson sessions whose rate and whose length are its own (gamma, log-normal), one viewer in five leaves without having watched
anything, and a session's length is log-normal again. How many viewers: analytics.trial_size, from the mean and variance of a pilot
of 200,000 other viewers, for 15 % more or less, 5 % and a power of 80 %. First nothing differs (A/A), then the second arm's sessions
are 15 % longer. A third time nothing differs in what few viewers do once, in arms of unlike size. All that is decided is decided by analytics.trial_compare in a PostgreSQL of the bench's own.
"""
from __future__ import annotations

import argparse
import concurrent.futures
import json
import math
import os
import pathlib
import random
import subprocess
import tempfile
import time

import bench_common as common

import nodeproc  # noqa: E402  (bench_common says where)
import postgres  # noqa: E402

LOOKS = 50
EFFECT = 0.15
TARGETS = {"false_calls": 64, "false_calls_rare": 64, "power": 0.8}
PILOT = 200_000
RARE_VIEWERS = 5_000


def viewer(r: random.Random) -> list[tuple[float, float]]:
    """(moment, seconds watched) of its sessions, in their order; both from 0 to 1 and without an effect."""
    came = r.random()
    leaves = r.random() < 0.2
    habit = math.exp(r.gauss(0, 0.7))
    times = [came]
    # Poisson over what is left, with a rate of its own: a negative binomial.
    moment = came + r.expovariate(1) / (rate := r.gammavariate(0.7, 5) + 1e-9)
    while moment < 1:
        times.append(moment)
        moment += r.expovariate(1) / rate
    return [(t, 0.0 if leaves else 300 * habit * math.exp(r.gauss(0, 1.0))) for t in times]


def trial(seed: int, viewers: int, effect: float) -> list[list[tuple[int, float, float]]]:
    """For each look and arm (viewers, sum, sum of squares) so far."""
    r = random.Random(seed)
    count = [[0] * LOOKS for _ in range(2)]
    total = [[0.0] * LOOKS for _ in range(2)]
    square = [[0.0] * LOOKS for _ in range(2)]
    for _ in range(viewers):
        arm = r.random() < 0.5
        longer = 1 + effect if arm else 1.0
        so_far = 0.0
        sessions = viewer(r)
        count[arm][int(sessions[0][0] * LOOKS)] += 1
        for moment, seconds in sessions:
            look, seconds = int(moment * LOOKS), seconds * longer
            total[arm][look] += seconds
            square[arm][look] += (2 * so_far + seconds) * seconds
            so_far += seconds
    out, now = [], [[0, 0.0, 0.0], [0, 0.0, 0.0]]
    for look in range(LOOKS):
        for arm in range(2):
            now[arm] = [a + b[arm][look] for a, b in zip(now[arm], (count, total, square))]
        out.append([tuple(now[0]), tuple(now[1])])
    return out


def rare(seed: int, viewers: int, _: float) -> list[list[tuple[int, float, float]]]:
    """The same of what one viewer in a hundred does, once, with a tenth of the viewers in the second arm."""
    r = random.Random(seed)
    out, now = [], [[0, 0.0, 0.0], [0, 0.0, 0.0]]
    for look in range(LOOKS):
        for _ in range(viewers * look // LOOKS, viewers * (look + 1) // LOOKS):
            arm, did = now[r.random() < 0.1], r.random() < 0.01
            arm[0], arm[1], arm[2] = arm[0] + 1, arm[1] + did, arm[2] + did
        out.append([tuple(now[0]), tuple(now[1])])
    return out


def write_trials(path: str, how, seeds: range, viewers: int, effect: float) -> None:
    with open(path, "w", encoding="ascii") as file:
        for seed in seeds:
            for look, (control, arm) in enumerate(how(seed, viewers, effect)):
                file.write("\t".join(map(repr, (seed, look + 1, *control, *arm))) + "\n")


def pilot() -> tuple[float, float]:
    r = random.Random("pilot")
    sums = [sum(s for _, s in viewer(r)) for _ in range(PILOT)]
    mean = math.fsum(sums) / PILOT
    return mean, math.fsum((x - mean) ** 2 for x in sums) / (PILOT - 1)


def run(server: postgres.Postgres, folder: pathlib.Path, name: str, first_seed: int, seeds: int, viewers: int, effect: float, how=trial) -> None:
    """Makes table `name` (seed, look, both samples, what the product's function says of them)."""
    common.say(f"{name}: {seeds} trials of {viewers} viewers")
    parts = max(1, min(common.cores(), seeds))
    bounds = [first_seed + seeds * n // parts for n in range(parts + 1)]
    with concurrent.futures.ProcessPoolExecutor(parts) as pool:
        jobs = [pool.submit(write_trials, str(folder / f"{name}-{n}"), how, range(bounds[n], bounds[n + 1]), viewers, effect) for n in range(parts)]
        for job in jobs:
            job.result()
    server.ask(f"CREATE TABLE {name}_in (seed int, look int, n0 float8, s0 float8, q0 float8, n1 float8, s1 float8, q1 float8)")
    for n in range(parts):
        server.ask(f"\\copy {name}_in FROM '{folder / f'{name}-{n}'}'")
    # 50 x 1,000 calls; in parts, each well below psql's minute
    server.ask(f"CREATE TABLE {name} AS SELECT t.*, c.* FROM {name}_in t CROSS JOIN analytics.trial_compare(0, 0, 0, 0, 0, 0) c LIMIT 0")
    for n in range(0, seeds, 250):
        server.ask(f"INSERT INTO {name} SELECT t.*, c.* FROM {name}_in t CROSS JOIN LATERAL "
                   f"analytics.trial_compare(t.n0, t.s0, t.q0, t.n1, t.s1, t.q1, {viewers}) c WHERE t.seed - {first_seed} BETWEEN {n} AND {n + 249}")


def ask(server: postgres.Postgres, sql: str) -> float:
    return float(server.ask(sql))


def measure(server: postgres.Postgres, folder: pathlib.Path, seeds: int) -> dict:
    mean, variance = pilot()
    size = int(server.ask(f"SELECT analytics.trial_size({mean!r}, {variance!r}, {EFFECT})"))
    one_look = 2 * (1.959964 + 0.841621) ** 2 * variance * ((1 + EFFECT) ** 2 + 1) / (EFFECT * mean) ** 2
    run(server, folder, "same", 1, seeds, size, 0.0)
    run(server, folder, "different", 1_000_001, seeds, size, EFFECT)
    run(server, folder, "rare", 2_000_001, seeds, RARE_VIEWERS, 0.0, rare)
    # What is to be covered at a look: the effect of this moment, the mean of all trials' controls times EFFECT.
    at = f"1 + abs(hashint4(t.seed)::bigint) % {LOOKS}"
    truth = f"(SELECT {EFFECT} * sum(x.s0) / sum(x.n0) FROM different x WHERE x.look = t.look)"
    covered = "SELECT avg((t.low <= {0} AND {0} <= t.high)::int) FROM {1} t WHERE t.look = " + at
    fixed = "abs(t.difference) / nullif((t.high - t.difference) / analytics.trial_boundary(t.n0 + t.n1, {0}, 0.05), 0) > 1.959964".format(size)
    return {
        "false_calls": int(ask(server, "SELECT count(DISTINCT seed) FROM same WHERE decision <> 'open'")),
        "false_calls_rare": int(ask(server, "SELECT count(DISTINCT seed) FROM rare WHERE decision <> 'open'")),
        "power": ask(server, f"SELECT count(DISTINCT seed)::float8 / {seeds} FROM different WHERE decision = 'higher'"),
        "power_last_look": ask(server, f"SELECT count(*)::float8 / {seeds} FROM different WHERE decision = 'higher' AND look = {LOOKS}"),
        "wrong_direction": int(ask(server, "SELECT count(DISTINCT seed) FROM different WHERE decision = 'lower'")),
        "coverage_random_look": ask(server, covered.format("0", "same")),
        "coverage_random_look_with_effect": ask(server, covered.format(truth, "different")),
        "false_calls_of_a_fixed_test": int(ask(server, f"SELECT count(DISTINCT t.seed) FROM same t WHERE {fixed}")),
        "median_viewers_at_call": round(ask(server, "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY n) FROM "
                                            "(SELECT min(n0 + n1) AS n FROM different WHERE decision = 'higher' GROUP BY seed) x")),
        "planned_viewers": size, "planned_viewers_one_look": round(one_look), "variation": round(math.sqrt(variance) / mean, 2),
        "seeds": seeds, "looks": LOOKS,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--seeds", type=int, default=1000)
    options = parser.parse_args()
    machine, began = common.Machine(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="dvpe-trials-") as name:
        folder = pathlib.Path(name)
        os.chmod(folder, 0o755)
        with postgres.Postgres(folder / "pg") as server:
            server.ask("CREATE DATABASE dvpe", database="postgres")
            subprocess.run([nodeproc.default_node(), "db", "migrate", "--server", f"127.0.0.1:{server.port}", "--user", "postgres", "--database", "dvpe",
                            "--password-file", server.password_file, "--root-certificate", server.root_certificate],
                           check=True, capture_output=True, timeout=60)
            result = measure(server, folder, options.seeds)
    result |= {"seconds": round(time.monotonic() - began),
               "workload": f"{options.seeds} trials without and {options.seeds} with an effect of {EFFECT}, {result['planned_viewers']} viewers each with clustered, "
                           f"heavy-tailed sessions, {LOOKS} looks", "cores": common.cores(), "cores_used": common.cores(), **machine.since()}
    kept = result["power"] >= TARGETS["power"] and all(result[k] <= TARGETS[k] * options.seeds / 1000 for k in ("false_calls", "false_calls_rare"))
    if options.json:
        print(json.dumps(result))
    else:
        for key, value in result.items():
            print(f"{key:34} {value}" + (f"  (target {TARGETS[key]})" if key in TARGETS else ""))
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
