// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What the player tells the node of what happened (docs/reference/events.md): how long it took to begin, stalls,
// quality, errors, and which parts of which advertisements were shown. It knows of advertisements what the addresses of
// segments say: /c/{channel}/{profile}/{rendition}/{first tick}/{creative}.{from}-{to}[+...].m4s, in units.
"use strict";
(() => {
  const TICKS = 240000;             // of a second
  const MOST_WAITING = 500;         // events; beyond them the oldest go that are not about advertisements
  const AT_ONCE = 50;
  const QUALITY_EVERY = 30000;      // ms
  const QUARTILES = ["ad_first_quartile", "ad_midpoint", "ad_third_quartile"];

  let address = null;               // of /v1/events on the viewer's node
  let session = null;
  let video = null;
  let hls = null;
  let waiting = [];
  let sending = false;
  let unwanted = false;             // the session is not known any more
  let again = 0;                    // ms until the next try
  let started = 0;
  let stalledAt = 0;
  let slot = null;                  // of an advertisement that is being shown
  let number = Date.now() * 1000;   // ascending, over a reload of the page too
  const stats = { told: 0, accepted: 0, refused: 0 };
  window.dvpeToldStats = stats;

  function tell(kind, fields) {
    if (!address || unwanted) return 0;
    ++stats.told;
    number += 1;
    waiting.push({ kind, n: number, at: Date.now(), ...fields });
    if (waiting.length > MOST_WAITING) {
      const at = waiting.findIndex((e) => !e.kind.startsWith("ad_"));
      waiting.splice(Math.max(at, 0), 1);
    }
    return number;
  }

  function request() {
    return JSON.stringify({ session, events: waiting.slice(0, AT_ONCE) });
  }

  async function send() {
    if (sending || unwanted || waiting.length === 0 || Date.now() < again) return;
    sending = true;
    const count = Math.min(waiting.length, AT_ONCE);
    const sent = waiting.slice(0, count);
    try {
      const response = await fetch(address, {
        method: "POST", headers: { "Content-Type": "application/json" }, body: request(), credentials: "omit",
        cache: "no-store", keepalive: true,
      });
      if (response.status === 503 || response.status === 429) throw new Error("later");
      waiting = waiting.filter((e) => !sent.includes(e));
      if (response.ok) answered(await response.json());
      else if (response.status === 404 || response.status === 403) unwanted = true;
      again = 0;
    } catch {
      again = Date.now() + 5000 + Math.random() * 5000;  // not all players in the same second
    } finally {
      sending = false;
    }
  }

  function answered(answer) {
    stats.accepted += answer.accepted;
    stats.refused += answer.refused.length;
    for (const of of answer.slots || []) {
      if (slot && slot.number === of.n) slot.units = of.units;
    }
    // Slate, or a clip of the programme: no slot of the viewer's.
    for (const of of answer.refused) {
      if (slot && slot.number === of.n) slot.nothing = true;
    }
  }

  // ---- advertisements

  // [{creative, from, units, at: its first second on the video's clock, unit: seconds, tick}], or nothing for the programme
  function piecesOf(fragment) {
    let path = "";
    try { path = new URL(fragment.url).pathname; } catch { return []; }
    const match = /^\/c\/[^/]+\/[^/]+\/[^/]+\/(\d+)\/([^/]+)\.m4s$/.exec(path);
    if (!match) return [];
    const parts = match[2].split("+").map((p) => /^(.+)\.(\d+)-(\d+)$/.exec(p));
    if (parts.some((p) => !p)) return [];
    const units = parts.reduce((sum, p) => sum + Number(p[3]) - Number(p[2]), 0);
    const unit = fragment.duration / Math.max(units, 1);
    let before = 0;
    return parts.map((p) => {
      const piece = {
        creative: p[1], from: Number(p[2]), units: Number(p[3]) - Number(p[2]), at: fragment.start + before * unit, unit,
        tick: Number(match[1]) + Math.round((before + 0.5) * unit * TICKS),
      };
      before += piece.units;
      return piece;
    });
  }

  function left() {
    if (slot && slot.units && slot.shown > slot.units - 1) mark(slot.units, true);
    slot = null;
  }

  // Tells of what has been passed; `shown` units of the slot are over.
  function mark(shown, whole) {
    if (!slot.units || slot.nothing) return;
    const quarter = (shown * 4) / slot.units;
    while (slot.told < 3 && quarter >= slot.told + 1) tell(QUARTILES[slot.told++], { tick: slot.tick });
    if (whole && slot.told === 3) {
      slot.told = 4;
      tell("ad_complete", { tick: slot.tick });
    }
  }

  function look() {
    const fragment = hls && !video.seeking ? playing() : null;
    if (!fragment) return;
    const now = video.currentTime;
    const piece = piecesOf(fragment).find((p) => now >= p.at - 0.001 && now < p.at + p.units * p.unit);
    if (!piece) return left();
    const same = slot && slot.creative === piece.creative && piece.from >= slot.from && piece.at >= slot.at - 0.5;
    if (!same) {
      left();
      slot = { creative: piece.creative, tick: piece.tick, told: 0, shown: 0, from: piece.from, at: piece.at };
      slot.number = tell("ad_started", { tick: slot.tick });
      send();  // the answer says how long it is
    }
    slot.from = piece.from;
    slot.at = piece.at;
    slot.shown = piece.from + (now - piece.at) / piece.unit;
    mark(slot.shown, false);
  }

  function playing() {
    const level = hls.levels[hls.currentLevel];
    const all = level && level.details ? level.details.fragments : [];
    const now = video.currentTime;
    return all.find((f) => now >= f.start && now < f.start + f.duration);
  }

  // ---- quality

  function quality() {
    const level = hls && hls.levels[hls.currentLevel];
    if (!level || video.paused) return;
    const latency = Number.isFinite(hls.latency) && hls.latency > 0 ? String(Math.round(hls.latency * 1000)) : "";
    tell("quality", { value: Math.round(level.bitrate), text: latency });
  }

  const api = {
    // A session begins to be played; again when it is another one. from: when the viewer asked for it, performance.now().
    open(opened, element, player, from) {
      if (session !== opened.session) unwanted = false;
      session = opened.session;
      address = opened.events;
      hls = player;
      started = from;
      slot = null;
      if (video) return;
      video = element;
      video.addEventListener("playing", () => {
        if (started) tell("startup", { value: Math.round(performance.now() - started) });
        else if (stalledAt) tell("stall", { value: Math.round(performance.now() - stalledAt) });
        started = 0;
        stalledAt = 0;
      });
      video.addEventListener("waiting", () => { if (!started && !video.seeking) stalledAt = performance.now(); });
      video.addEventListener("seeking", () => { stalledAt = 0; });
      setInterval(look, 250);
      setInterval(send, 2000);
      setInterval(quality, QUALITY_EVERY);
      // What is left when the page goes: keepalive lets the request outlive it.
      document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") send(); });
      window.addEventListener("pagehide", send);
    },
    // A tick of the advertisement that is on the screen; nothing: the programme, or slate.
    showing() { return slot && !slot.nothing ? slot.tick : null; },
    failed(code) { tell("error", { text: String(code).slice(0, 200) }); },
    tell,
  };
  window.dvpeEvents = api;
})();
