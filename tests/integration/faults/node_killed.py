# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""kill -9 of the node in the middle of a break.

Bounds: no number changes its URI; 0 listed URIs lost; new segments <= 15 s after the publisher is back; the strict client
has 0 faults over it all (but for the time in which nothing answers); the hole is conditioned slate or the viewer's own ad,
never a programme segment; <= 5 complaints in the log.
"""
import time

import fault
import nodeproc
import rig


def test(folder, bounds):
    with rig.Rig(folder, rig.Programme("30"), window=32) as channel:
        channel.start()
        channel.publish()
        channel.on_air(2)
        viewers = {name: channel.viewer(name, stale_slack=30, outages_allowed=True) for name in ("anna", "dana")}
        for viewer in viewers.values():
            viewer.start()
        lists = [fault.Listed(channel, v.session_url) for v in viewers.values()]
        span = channel.cue("break_start", seconds=16)
        begin = rig.seconds_of(span["start"])
        # In the break, and one of its cells is listed: what anna sees there is her own.
        nodeproc.wait_until(lambda: channel.last_msn() >= 0 and lists[0].look() and lists[0].look().segments[-1].date >= begin - 0.01, 25, "the break's first cell")
        time.sleep(1.5)
        for listed in lists:
            listed.look()
        own = [s.uri for s in lists[0].look().segments if s.date >= begin - 0.01]
        bounds.true("the break was on air when the node was killed", own and own[0].startswith("/c/") and time.time() < rig.seconds_of(span["end"]))
        log = channel.log_size()
        killed = time.time()
        channel.node.kill()
        channel.pusher.stop()
        channel.start()
        up = time.time()
        lost = [line for listed in lists for line in listed.lost()]
        for line in lost:
            print("       ", line)
        bounds.most("listed URIs lost, asked at once after the restart", len(lost), 0)
        channel.publish()
        back = time.time()
        bounds.most("from kill -9 to a publisher again", back - killed, 10.0, " s")

        def playing():
            return all((media := listed.look()) and media.segments[-1].date > back for listed in lists)
        nodeproc.wait_until(playing, 30, "segments that began after the publisher was back")
        bounds.most("playing again after the publisher is back", time.time() - back, 15.0, " s")
        channel.on_air(2)
        for listed in lists:
            listed.look()
        hole = [s for s in lists[0].look().segments if killed + 1 < s.date + s.extinf and s.date < up - 1]
        bounds.true("what was not rendered is listed as conditioned media", hole and all(s.uri.startswith("/c/") for s in hole))
        lost = [line for listed in lists for line in listed.lost()]
        bounds.most("listed URIs lost at the end", len(lost), 0)
        bounds.most("numbers that changed their URI", sum(len(listed.changed) for listed in lists), 0)
        for viewer in viewers.values():
            viewer.stopping.set()
        for name, viewer in viewers.items():
            viewer.stop()
            bounds.no_faults(f"strict client {name}", viewer.faults)
        bounds.no_faults("between viewers", rig.rules.compare({n: v.checker for n, v in viewers.items()}))
        complaints = channel.log_lines(log)
        bounds.most("complaints in the log since", len(complaints), 5)


fault.run(test)
