#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""How much of what the best choice would bring is got by learning, in three simulated worlds (learning_main.cpp describes them).

    learning.py [--json] [--seeds FIRST-LAST] [--viewers N] [--picture FILE.svg]

Of each seed the last quarter's expected reward is compared with that of the best choice for each viewer and with the best of always
showing one; and three policies that did not make the log are estimated from it and compared with what they would have got.
--picture draws the regret: what was missed, added up, on the average of the seeds.
"""
from __future__ import annotations

import argparse
import concurrent.futures
import json
import pathlib
import subprocess
import sys

import bench_common as common

BENCH = common.BUILD / "bench" / "bench_learning"
GENERATORS = ("stationary", "drifting", "none")
POLICIES = ("kept", "greedy", "even")
COLOURS = {"learnt": "#0072b2", "fixed": "#d55e00", "even": "#7f7f7f"}  # told apart by colour-blind readers, and by their labels
LABELS = {"learnt": "learnt", "fixed": "the best single creative", "even": "each as often"}


def run(job: tuple[str, int, int]) -> dict:
    generator, seed, viewers = job
    done = subprocess.run([str(BENCH), generator, str(seed), str(viewers)], check=True, capture_output=True, text=True, timeout=600)
    return json.loads(done.stdout)


def measure(seeds: range, viewers: int) -> dict[str, list[dict]]:
    jobs = [(generator, seed, viewers) for generator in GENERATORS for seed in seeds]
    with concurrent.futures.ThreadPoolExecutor(common.cores()) as pool:
        results = list(pool.map(run, jobs))
    return {generator: results[i * len(seeds):(i + 1) * len(seeds)] for i, generator in enumerate(GENERATORS)}


def summed_up(results: list[dict]) -> dict:
    out = {"of_best_min": round(min(r["of_best"] for r in results), 4), "of_best_mean": round(sum(r["of_best"] for r in results) / len(results), 4),
           "of_fixed_min": round(min(r["of_fixed"] for r in results), 4)}
    for policy in POLICIES:
        for estimate in ("robust", "snips", "ips"):
            out[f"{policy}_{estimate}_off_max"] = round(max(r["others"][policy][estimate] for r in results), 4)
    out["robust_within_2_sigmas"] = round(sum(r["others"][p]["robust_sigmas"] <= 2 for r in results for p in POLICIES) / len(results) / len(POLICIES), 3)
    return out


def kept(generator: str, figures: dict) -> bool:
    """Without a signal nothing can be better than a single creative: then nothing may be lost. Of the policies the one that counts is `kept`,
    the kind that runs; the others say how far the log reaches."""
    above = figures["of_fixed_min"] >= 1 - 1e-9 if generator == "none" else figures["of_fixed_min"] > 1
    return figures["of_best_min"] >= 0.95 and above and figures["kept_robust_off_max"] <= 0.05


def picture(results: dict[str, list[dict]], viewers: int) -> str:
    """Two panels of regret over a day; without a signal there is none to draw."""
    wide, high, left, top, gap = 360, 240, 60, 40, 70
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * (wide + gap) + left} {high + top + 60}" font-family="sans-serif" font-size="13" role="img">',
           "<title>Reward missed in a day, by the way of choosing</title>", '<rect width="100%" height="100%" fill="#fff"/>']
    for panel, generator in enumerate(("stationary", "drifting")):
        x0 = left + panel * (wide + gap)
        curves = {name: [sum(column) / len(column) for column in zip(*(r["regret"][name] for r in results[generator]))] for name in COLOURS}
        most = max(map(max, curves.values()))
        out.append(f'<text x="{x0}" y="{top - 16}" font-weight="bold">{generator}</text>')
        for part in range(5):
            y = top + high - high * part / 4
            out.append(f'<path d="M{x0} {y:.1f}h{wide}" stroke="#ddd"/><text x="{x0 - 6}" y="{y + 4:.1f}" text-anchor="end" fill="#444">{most * part / 4 / 1000:.0f}k</text>')
            out.append(f'<text x="{x0 + wide * part / 4:.0f}" y="{top + high + 18}" text-anchor="middle" fill="#444">{6 * part} h</text>')
        for name, curve in curves.items():
            points = [(x0, top + high)] + [(x0 + wide * (i + 1) / len(curve), top + high - high * v / most) for i, v in enumerate(curve)]
            out.append(f'<path d="M{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}" fill="none" stroke="{COLOURS[name]}" stroke-width="2"/>')
            out.append(f'<text x="{points[60][0] + 4:.0f}" y="{points[60][1] + (18 if name != "learnt" else -8):.0f}" fill="{COLOURS[name]}">{LABELS[name]}</text>')
    out.append(f'<text x="{left}" y="{top + high + 44}" fill="#444">rewards missed against the best choice for each of {viewers:,} viewers, added up over a day</text>')
    return "\n".join(out) + "\n</svg>\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--seeds", default="1-20")
    parser.add_argument("--viewers", type=int, default=100_000)
    parser.add_argument("--picture", type=pathlib.Path)
    options = parser.parse_args()
    first, last = map(int, options.seeds.split("-"))
    machine = common.Machine()
    results = measure(range(first, last + 1), options.viewers)
    if options.picture:
        options.picture.write_text(picture(results, options.viewers))
    summary = {generator: summed_up(each) for generator, each in results.items()}
    whole = {**summary, "workload": f"{options.viewers} viewers, 8 creatives, a model each minute, seeds {options.seeds}", "cores": common.cores(), "cores_used": common.cores(),
             **machine.since()}
    if options.json:
        print(json.dumps(whole))
    else:
        for generator, figures in summary.items():
            for key, value in figures.items():
                print(f"{generator:12} {key:26} {value}")
    return 0 if all(kept(generator, figures) for generator, figures in summary.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
