# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""What the fault tests share: a folder, a rig, the bounds, and the exit code. Each test says its bounds and keeps them."""
from __future__ import annotations

import os
import pathlib
import shutil
import sys
import tempfile
import time
import traceback
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "soak"))
import rig  # noqa: E402, and the folder of nodeproc with it
import nodeproc  # noqa: E402

SKIP = 77  # ctest: SKIP_RETURN_CODE


def run(test) -> None:
    """test(folder, bounds), then exit. The folder stays when a bound was broken or DVPE_KEEP is set."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="dvpe-fault-"))
    bounds = rig.Bounds()
    begun = time.monotonic()
    try:
        code = test(folder, bounds)
    except Exception:  # the node's log is worth more than a bare trace
        traceback.print_exc()
        log = folder / "node.log"
        print(log.read_text(errors="replace")[-3000:] if log.exists() else "no log")
        bounds.true("the test ran to its end", False)
        code = None
    print(f"  {time.monotonic() - begun:.1f} s", flush=True)
    if not bounds.broken and not os.environ.get("DVPE_KEEP"):
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"  kept: {folder}")
    sys.exit(code if code else bounds.exit_code())


class Listed:
    """Everything that a viewer's media playlists have ever named: number -> URI, per rendition."""

    def __init__(self, channel, url: str, renditions=("v360", "a0")):
        self.channel, self.url, self.renditions = channel, url, renditions
        self.seen: dict[tuple[str, int], str] = {}
        self.changed: list[str] = []

    def look(self):
        """The newest video playlist, or None; notes what changed its URI."""
        newest = None
        for rendition in self.renditions:
            media = self.channel.listed(self.url, rendition)
            if media is None:
                return None
            newest = newest or media
            for segment in media.segments:
                before = self.seen.setdefault((rendition, segment.msn), segment.uri)
                if before != segment.uri:
                    self.changed.append(f"{rendition} #{segment.msn}: {segment.uri}, was {before}")
        return newest

    def lost(self) -> list[str]:
        """What is listed now, and what has left the list within its length, that cannot be fetched."""
        media = self.look()
        oldest = media.sequence - len(media.segments) if media else 0
        out = []
        for (rendition, msn), uri in sorted(self.seen.items()):
            if msn < oldest:
                continue
            status, body = nodeproc.http_get(urllib.parse.urljoin(self.url, uri))
            if status != 200 or not body:
                out.append(f"{rendition} #{msn} {uri}: {status}")
        return out
