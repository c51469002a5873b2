# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""kill -9 of the publisher, and another one six seconds later.

Bounds: slate within one cell (4 s) and the half second after which silence counts as loss; the programme back <= 15 s after
the publisher; numbers, dates and decode times run on (strict client: 0 faults, without any slack); <= 3 complaints.
"""
import time

import fault
import nodeproc
import rig


def test(folder, bounds):
    programme = rig.Programme("30")
    with rig.Rig(folder, programme, window=32) as channel:
        channel.start()
        channel.publish()
        channel.on_air(2)
        anna = channel.viewer("anna", keep=True)
        anna.start()
        channel.on_air(1)
        log = channel.log_size()
        channel.pusher.kill()
        gone = time.time()
        time.sleep(6)
        channel.publish()
        back = time.time()
        listed = fault.Listed(channel, anna.session_url)
        nodeproc.wait_until(lambda: (m := listed.look()) and m.segments[-1].date > back + 8, 30, "two cells after the publisher is back")
        anna.stop()
        bounds.no_faults("strict client", anna.faults)
        seen = pictures(anna)
        slate = [t for t, value in seen if value is None and t > gone - 1]
        bounds.true("slate was on air", slate)
        if slate:
            bounds.most("from the kill to slate", slate[0] - gone, 4.5 + 0.5, " s")
            bounds.most("from the publisher's return to the programme", slate[-1] - back, 15.0, " s")
            bounds.true("slate in one piece", all(value is None for t, value in seen if slate[0] <= t <= slate[-1]))
        bounds.most("listed URIs lost", len(listed.lost()), 0)
        bounds.most("numbers that changed their URI", len(listed.changed), 0)
        bounds.most("complaints in the log since", len(channel.log_lines(log)), 3)


def pictures(client):
    """(date, number on the frame or None) of all that was fetched of v360."""
    import decode
    state = client.checker.renditions["v360"]
    out = []
    numbers = sorted(client.media.segments["v360"])
    frames = decode.read_frames(client.media.inits["v360"], [client.media.segments["v360"][n] for n in numbers], [])
    at = 0
    for n in numbers:
        record = state.segments[n]
        count = record.facts.samples
        out += [(record.date + k * record.extinf / count, value) for k, value in enumerate(frames.values[at:at + count])]
        at += count
    return out


fault.run(test)
