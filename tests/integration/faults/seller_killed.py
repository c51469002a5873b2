# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""kill -9 of a node that sells its breaks by itself, after a viewer has seen what they may see once a day.

There is no control plane: the node plans its own pacing. Bounds: the line with a cap is in the viewer's first break and in no
later one, not in another of their sessions and not after the kill; what was delivered is counted once, and still after the
restart; explain names the cap.
"""
import json

import fault
import nodeproc
import rig

CAR = {"title": "Aventa", "when": 'viewer.country == "DE"', "currency": "EUR", "lines": [
    {"id": "once", "goal": {"impressions": 1000}, "price": {"cpm": "40"}, "pacing": "fast", "creatives": [{"creative": "car-1"}],
     "caps": [{"impressions": 1, "per": "day"}]},
    {"id": "free", "goal": {"impressions": 1000}, "price": {"cpm": "10"}, "pacing": "fast", "creatives": [{"creative": "car-2"}]}]}


def change(documents):
    documents["campaign-car.json"]["body"] = CAR
    for number in ("1", "2"):
        documents[f"creative-car-{number}.json"] = {"kind": "creative", "id": f"car-{number}", "organisation": "demo", "revision": 1,
                                                    "body": {"media": f"ad-car-{number}"}}
    documents["channel.json"]["body"]["breakLengths"] = [15, 30]


class Seller:
    def __init__(self, channel):
        self.channel = channel
        self.media = {path.parent.name: json.loads(path.read_text())["id"] for path in channel.media.glob("*/media.json")}

    def counted(self) -> dict[str, tuple[int, int]]:
        """What the node plans by: line -> impressions that are bound and not returned, and delivered."""
        lines = json.loads((self.channel.state / "pacing.json").read_text())["lines"]
        accounts = {line[0].split("/")[-1]: line[-1] for line in lines}
        return {name: (sum(a[1] - a[3] for a in all_of), sum(a[2] for a in all_of)) for name, all_of in accounts.items()}

    def plays(self, url: str, span: dict) -> list[str]:
        """The creatives in a viewer's break, in their order, once all of it is listed."""
        begin, end = (rig.seconds_of(span[which]) for which in ("start", "end"))

        def whole():
            media = self.channel.listed(url)
            return media if media and media.segments[-1].date >= end - 0.01 else None
        listed = nodeproc.wait_until(whole, 60, "the break's end", 0.5)
        names: list[str] = []
        for segment in listed.segments:
            if begin - 0.01 <= segment.date < end - 0.01 and segment.uri.startswith("/c/"):
                for piece in segment.uri.rsplit("/", 1)[1].removesuffix(".m4s").split("+"):
                    name = self.media.get(piece.split(".")[0], "slate")
                    names += [] if names and names[-1] == name else [name]
        return names

    def explained(self, url: str, line: str) -> dict:
        status, body = nodeproc.http_get(f"{self.channel.node.base}/v1/explain/{url.rsplit('/', 2)[1]}")
        return next(c for c in json.loads(body)["campaigns"] if c.get("line") == line) if status == 200 else {}


def test(folder, bounds):
    with rig.Rig(folder, rig.Programme("30"), window=40, change=change) as channel:
        channel.start()
        seller = Seller(channel)
        channel.publish()
        channel.on_air(2)
        nodeproc.wait_until(lambda: channel.metric("dvpe_plan_number") >= 1, 20, "a plan")
        url = channel.playlist_url("anna")
        nodeproc.wait_until(lambda: seller.explained(url, "once").get("rate", 0) > 0, 30, "what is held ready knows the plan", 0.5)

        first = seller.plays(url, channel.cue("break_start", seconds=16))
        bounds.true(f"the dearer line is first on air: {first}", first[:1] == ["ad-car-1"] and "ad-car-2" not in first)
        nodeproc.wait_until(lambda: channel.listed(url) and seller.counted().get("once", (0, 0))[1] >= 1, 40, "the impression is counted", 1)
        other = channel.playlist_url("anna")  # a second session of the same viewer
        second = seller.plays(url, channel.cue("break_start", seconds=32))
        bounds.true(f"and not again within a day: {second}", "ad-car-1" not in second and "ad-car-2" in second)
        nodeproc.wait_until(lambda: channel.listed(url) and seller.counted().get("free", (0, 0))[1] >= 1, 40, "that is counted, too", 1)
        before = seller.counted()
        bounds.true(f"each once: {before}", before["once"] == (1, 1) and before["free"][1] == 1)
        why = seller.explained(url, "once").get("why", "")
        bounds.true(f"explain names the cap: {why}", "been shown" in why)

        channel.node.kill()
        channel.pusher.stop()
        channel.start()
        channel.publish()
        channel.on_air(2)
        nodeproc.wait_until(lambda: channel.metric("dvpe_plan_number") >= 1, 20, "a plan")
        nodeproc.wait_until(lambda: seller.explained(url, "free").get("rate", 0) > 0, 30, "what is held ready knows the plan", 0.5)
        after = seller.counted()
        bounds.true(f"delivered before the kill, counted after it: {after}", all(after[line][1] == before[line][1] for line in before))
        bounds.true("explain still names the cap", "been shown" in seller.explained(url, "once").get("why", ""))
        span = channel.cue("break_start", seconds=16)
        third, fresh = seller.plays(url, span), seller.plays(other, span)
        bounds.true(f"nor after the kill: {third}, nor in the other session: {fresh}", third[:1] == fresh[:1] == ["ad-car-2"])


fault.run(test)
