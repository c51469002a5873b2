# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""A full disk: the state folder is a file system of 16 MB that is filled up for ten seconds, then freed.

Bounds: the node lives and answers; 0 listed URIs lost, none changed, while full and after; new segments of the programme
<= 15 s after there is room again; <= 4 complaints per cell while full, none after recovery.
Needs to mount a tmpfs: skipped, with a word, when not root.
"""
import os
import subprocess
import time

import fault
import nodeproc
import rig


def fill(folder) -> None:
    with open(folder / "filler", "wb", buffering=0) as out:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    out.write(bytes(size))
            except OSError:
                continue


def test(folder, bounds):
    disk = folder / "disk"
    disk.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(disk)], check=False, capture_output=True).returncode:
        print("  skipped: only root may mount a small file system")
        return fault.SKIP
    try:
        return on_small_disk(folder, disk, bounds)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)


def on_small_disk(folder, disk, bounds):
    with rig.Rig(folder, rig.Programme("30"), window=24, state=disk / "state") as channel:
        channel.start()
        channel.publish()
        channel.on_air(2)
        anna = channel.viewer("anna", stale_slack=30)
        anna.start()
        channel.on_air(2)
        listed = fault.Listed(channel, anna.session_url)
        listed.look()
        log = channel.log_size()
        fill(disk)
        full = time.time()
        worst = 0
        while time.time() < full + 10:
            worst = max(worst, len(listed.lost()))
            time.sleep(1)
        bounds.most("listed URIs lost while full", worst, 0)
        bounds.true("the node is alive and healthy answers", channel.node.process.running and nodeproc.http_get(channel.node.base + "/healthz")[0] == 200)
        complaints = channel.log_lines(log)
        bounds.least("the log says so", len(complaints), 1)
        bounds.most("complaints in the log while full (3 cells)", len(complaints), 12)
        (disk / "filler").unlink()
        freed = time.time()
        nodeproc.wait_until(lambda: (m := listed.look()) and m.segments[-1].date > freed and m.segments[-1].uri.startswith("/m/"), 30, "a segment of the programme")
        bounds.most("the programme again after there is room", time.time() - freed, 15.0, " s")
        log = channel.log_size()
        channel.on_air(2)
        bounds.most("complaints after recovery", len(channel.log_lines(log)), 0)
        bounds.most("listed URIs lost after", len(listed.lost()), 0)
        bounds.most("numbers that changed their URI", len(listed.changed), 0)
        anna.stop()
        bounds.no_faults("strict client", anna.faults)
    return 0


fault.run(test)
