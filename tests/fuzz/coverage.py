#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""Prints which share of each parser's lines its committed corpus reaches; fails below --least (70 %).

Build first: ./dev build --preset fuzz fuzz_amf0 fuzz_chunk fuzz_flv fuzz_h264 fuzz_control
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGETS = {
    "amf0": ["node/ingest/rtmp/amf0.cpp"],
    "chunk": ["node/ingest/rtmp/chunk_reader.cpp"],
    "flv": ["node/ingest/rtmp/flv.cpp", "node/ingest/rtmp/avc.cpp"],
    "h264": ["shared/media/h264.cpp"],
    "control": ["shared/protocol/decode.cpp", "shared/protocol/command.cpp"],
}


def lines(name, sources, build):
    program = build / "fuzz" / f"fuzz_{name}"
    with tempfile.TemporaryDirectory() as folder:
        raw, merged = pathlib.Path(folder, "raw"), pathlib.Path(folder, "merged")
        subprocess.run([program, "-runs=0", ROOT / "tests/fuzz/corpus" / name], check=True, stderr=subprocess.DEVNULL,
                       env={**os.environ, "LLVM_PROFILE_FILE": str(raw)})
        subprocess.run(["llvm-profdata-14", "merge", "-o", merged, raw], check=True)
        report = subprocess.run(["llvm-cov-14", "export", "-summary-only", f"-instr-profile={merged}", program],
                                check=True, capture_output=True, text=True)
    for file in json.loads(report.stdout)["data"][0]["files"]:
        path = (build / file["filename"]).resolve()  # ccache makes names relative to the build folder
        if any(path == ROOT / source for source in sources):
            yield path.relative_to(ROOT), file["summary"]["lines"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/fuzz")
    parser.add_argument("--least", type=float, default=70)
    arguments = parser.parse_args()
    bad = False
    for name, sources in TARGETS.items():
        found = list(lines(name, sources, arguments.build))
        if len(found) != len(sources):
            sys.exit(f"fuzz_{name}: no coverage recorded for {', '.join(sources)}")
        for path, count in found:
            print(f"fuzz_{name:6} {str(path):40} {count['covered']:4}/{count['count']:4} lines {count['percent']:5.1f} %")
            bad = bad or count["percent"] < arguments.least
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
