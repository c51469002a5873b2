#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""How long it takes to find the campaigns whose conditions a viewer fulfils.

    rules.py [--json] [--viewers N] [--check N]

Campaigns and viewers come from a seed (rules_main.cpp describes them): 1,000, 10,000 and 100,000 campaigns of 3 to 12
predicates over 40 attributes. Each of the viewers is matched once, on one core, in the order in which they were made; the
first N are matched by evaluating every condition too (`linear`, the product's own evaluator), and must get the same
answer: all of them at 10,000, every hundredth of that at 100,000.
"""
from __future__ import annotations

import argparse
import json
import math
import subprocess

import bench_common as common

BENCH = common.BUILD / "bench" / "bench_rules"
TARGETS = {"match_us_p50": 30.0, "match_us_p99": 100.0, "growth_exponent": 0.7, "different": 0}
SIZES = (1_000, 10_000, 100_000)


def measure(size: int, viewers: int, check: int) -> dict:
    common.say(f"{size} campaigns")
    done = subprocess.run([str(BENCH), str(size), "--viewers", str(viewers), "--check", str(check)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--viewers", type=int, default=10_000)
    parser.add_argument("--check", type=int, default=10_000, help="viewers that are compared with the linear evaluator, at 10,000 campaigns")
    options = parser.parse_args()
    machine = common.Machine()
    sizes = {size: measure(size, options.viewers, options.check if size <= 10_000 else options.check // 100) for size in SIZES}
    middle, small, large = sizes[10_000], sizes[1_000], sizes[100_000]
    result = {"match_us_p50": middle["match_us_p50"], "match_us_p99": middle["match_us_p99"], "linear_us_p50": middle["linear_us_p50"],
              "speedup": round(middle["linear_us_p50"] / middle["match_us_p50"], 1), "build_ms": middle["build_ms"],
              "bytes_per_campaign": round(middle["resident_bytes"] / 10_000), "index_bytes_per_campaign": round(middle["index_bytes"] / 10_000),
              "growth_exponent": round(math.log10(large["match_us_p50"] / small["match_us_p50"]) / 2, 3),
              "different": sum(s["different"] for s in sizes.values()), "checked": {str(n): s["checked"] for n, s in sizes.items()},
              "match_us_p50_by_size": {str(n): s["match_us_p50"] for n, s in sizes.items()},
              "match_us_p99_by_size": {str(n): s["match_us_p99"] for n, s in sizes.items()},
              "build_ms_by_size": {str(n): s["build_ms"] for n, s in sizes.items()},
              "matches_by_size": {str(n): [s["matches_p5"], s["matches_p50"], s["matches_p95"]] for n, s in sizes.items()},
              "workload": f"{options.viewers} viewers, 3 to 12 predicates over 40 attributes", "cores": common.cores(), "cores_used": 1, **machine.since()}
    kept = all(result[k] < v if k == "growth_exponent" else result[k] <= v for k, v in TARGETS.items())
    if options.json:
        print(json.dumps(result))
    else:
        for key, value in result.items():
            print(f"{key:26} {value}" + (f"  (target {TARGETS[key]})" if key in TARGETS else ""))
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
