// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The reference player: asks for a session, plays its playlist with hls.js, explains what the viewer sees.
// Everything that comes from the node is shown as text, never as markup.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const video = $("video");
  const query = new URLSearchParams(location.search);
  const token = query.get("token");
  const channel = decodeURIComponent(location.pathname.split("/").filter(Boolean)[1] || "");

  // What tests and people in the console read.
  const stats = {
    playing: false, waiting: 0, stalls: 0, errors: [], bufferedRanges: 0, frames: 0, dropped: 0,
    session: null, playlist: null,
  };
  window.dvpeStats = stats;

  let hls = null;
  let everPlayed = false;
  let recoveries = 0;
  let seeking = false;
  let quietTimer = 0;
  let toastTimer = 0;
  let whyTimer = 0;
  let whyAddress = null;
  let askedAt = 0;
  let toldTo = null;
  let saidTo = null;

  // ---- words ----

  function say(text) {
    $("status").textContent = text;
    clearTimeout(toastTimer);
    toastTimer = setTimeout(() => { $("status").textContent = ""; }, 4000);
  }

  function show(problem, text) {
    $("starting").hidden = true;
    $("problem").hidden = false;
    $("problem-title").textContent = problem;
    $("problem-text").textContent = text;
    wake();
  }

  const refusals = {
    400: ["This address is not complete", "Ask whoever gave it to you for a new one."],
    401: ["You are not signed in here", "Open the programme again from the site where you found it."],
    403: ["You cannot watch with this address", "It may have been used already, or it has expired. Open the programme again from the site where you found it."],
    404: ["There is no such programme", "The address may have a spelling mistake, or the programme is over."],
    429: ["Too many people ask at once", "Wait a moment, then try again."],
    503: ["The programme is not ready", "It may not have begun. Wait a moment, then try again."],
  };

  // ---- session ----

  async function openSession() {
    const given = query.get("playlist");
    if (given) {
      // Only a path on this node: an address elsewhere would be somebody else's programme on our page.
      if (!/^\/[^/\\]/.test(given)) throw { status: 400 };
      const match = /^\/s\/([^/]+)\//.exec(given);
      return { session: match ? match[1] : null, playlist: given, explain: match ? `/v1/explain/${match[1]}` : null };
    }
    const body = { channel };
    if (token) body.token = token;
    if (query.get("persona")) body.persona = query.get("persona");
    const response = await fetch("/v1/sessions", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
      credentials: "omit", cache: "no-store",
    });
    if (!response.ok) throw { status: response.status };
    if (query.get("token")) {  // it does not belong into the history
      query.delete("token");
      history.replaceState(null, "", location.pathname);
    }
    // The node may have sent us on to the viewer's own: what it answers is meant from there.
    const opened = await response.json();
    opened.playlist = new URL(opened.playlist, response.url).href;
    opened.explain = new URL(opened.explain, response.url).href;
    for (const name of ["events", "feedback"]) {
      if (opened[name]) opened[name] = new URL(opened[name], response.url).href;
    }
    return opened;
  }

  async function start() {
    $("problem").hidden = true;
    $("starting").hidden = false;
    stop();
    askedAt = performance.now();
    try {
      if (!stats.playlist) {
        const opened = await openSession();
        stats.session = opened.session;
        whyAddress = opened.explain;
        toldTo = opened.events;
        saidTo = opened.feedback;
        stats.playlist = opened.playlist;
      }
    } catch (error) {
      const known = refusals[error.status];
      if (known) return show(known[0], known[1]);
      return show("The programme cannot be reached", "Check your connection, then try again.");
    }
    $("why").hidden = !stats.session;
    play(stats.playlist);
  }

  function stop() {
    if (hls) hls.destroy();
    hls = null;
    everPlayed = false;
    recoveries = 0;
  }

  function play(playlist) {
    if (window.Hls && Hls.isSupported()) {
      hls = new Hls({
        enableWorker: true, liveSyncDurationCount: 3, liveMaxLatencyDurationCount: 10, backBufferLength: 60,
        maxBufferLength: 30,
      });
      window.dvpeHls = hls;
      window.dvpeEvents.open({ session: stats.session, events: toldTo }, video, hls, askedAt);
      window.dvpeFeedback.open(stats.session, saidTo, say);
      hls.on(Hls.Events.ERROR, (_, data) => failed(data));
      hls.on(Hls.Events.MANIFEST_PARSED, () => { menus(); begin(); });
      for (const event of [Hls.Events.AUDIO_TRACKS_UPDATED, Hls.Events.AUDIO_TRACK_SWITCHED,
        Hls.Events.SUBTITLE_TRACKS_UPDATED, Hls.Events.SUBTITLE_TRACK_SWITCH, Hls.Events.LEVEL_SWITCHED])
        hls.on(event, menus);
      hls.loadSource(playlist);
      hls.attachMedia(video);
    } else if (video.canPlayType("application/vnd.apple.mpegurl")) {
      video.src = playlist;
      menus();
      begin();
    } else {
      show("This browser cannot play the programme", "Use a current version of Firefox, Chrome, Edge or Safari.");
    }
  }

  // Browsers refuse sound before the viewer has touched the page: then begin without.
  async function begin() {
    try {
      await video.play();
    } catch (error) {
      if (error.name !== "NotAllowedError") return;
      video.muted = true;
      $("unmute").hidden = false;
      try { await video.play(); } catch { $("starting").hidden = true; }
    }
  }

  function failed(data) {
    // Sound begins at a frame of its own, up to 21 ms after the first picture. A slow browser steps over that before it
    // shows anything: nothing is missing.
    if (data.details === Hls.ErrorDetails.BUFFER_SEEK_OVER_HOLE && !everPlayed) return;
    stats.errors.push(`${data.type}/${data.details}${data.fatal ? " (fatal)" : ""}`);
    window.dvpeEvents.failed(stats.errors.at(-1));
    if (stats.errors.length > 200) stats.errors.shift();
    if (data.details === Hls.ErrorDetails.BUFFER_STALLED_ERROR) ++stats.stalls;
    if (!data.fatal) return;
    if (++recoveries <= 3) {
      if (data.type === Hls.ErrorTypes.MEDIA_ERROR) return hls.recoverMediaError();
      if (data.type === Hls.ErrorTypes.NETWORK_ERROR && everPlayed) {
        say("The connection was lost. Trying again…");
        const current = hls;
        setTimeout(() => { if (hls === current) hls.startLoad(); }, 1000 * recoveries);
        return;
      }
    }
    const status = data.response && data.response.code;
    const gone = !status && new URL(stats.playlist, location.href).origin !== location.origin;
    const played = everPlayed;
    stop();
    if (gone) {  // the viewer's own node: the one that gave us this page takes them in, or knows who does
      stats.playlist = null;
      if (played) return start();
    }
    if (status === 403 || status === 404 || status === 410) {
      stats.playlist = query.get("playlist") ? stats.playlist : null;
      show("This viewing has ended", "Try again to start a new one.");
    } else {
      show("The programme has stopped", "Check your connection, then try again.");
    }
  }

  // ---- what the video says ----

  video.addEventListener("playing", () => {
    everPlayed = true;
    recoveries = 0;
    stats.playing = true;
    $("starting").hidden = true;
    $("problem").hidden = true;
  });
  video.addEventListener("waiting", () => {
    stats.playing = false;
    if (!everPlayed || seeking) return;
    ++stats.waiting;
    say("Waiting for more of the programme…");
  });
  video.addEventListener("seeking", () => { seeking = true; });
  video.addEventListener("seeked", () => { seeking = false; });
  video.addEventListener("play", drawPlay);
  video.addEventListener("pause", () => { stats.playing = false; drawPlay(); });
  video.addEventListener("volumechange", drawSound);
  video.addEventListener("error", () => {
    if (video.error) stats.errors.push(`video/${video.error.code}`);
    if (!hls && video.error && video.getAttribute("src")) show("The programme has stopped", "Try again.");
  });
  setInterval(() => {
    stats.bufferedRanges = video.buffered.length;
    const q = video.getVideoPlaybackQuality ? video.getVideoPlaybackQuality() : null;
    if (q) { stats.frames = q.totalVideoFrames; stats.dropped = q.droppedVideoFrames; }
    drawLive();
  }, 500);

  // ---- controls ----

  function label(button, icon, text) {
    button.querySelector("use").setAttribute("href", icon);
    button.querySelector("span").textContent = text;
    button.title = text;
  }
  function drawPlay() { label($("play"), video.paused ? "#i-play" : "#i-pause", video.paused ? "Play" : "Pause"); wake(); }
  function drawSound() {
    const off = video.muted || video.volume === 0;
    label($("mute"), off ? "#i-muted" : "#i-sound", off ? "Turn the sound on" : "Mute");
    $("volume").value = String(Math.round((video.muted ? 0 : video.volume) * 100));
    if (!video.muted) $("unmute").hidden = true;
  }
  function livePosition() {
    if (hls) return hls.liveSyncPosition;
    return video.seekable.length ? video.seekable.end(video.seekable.length - 1) - 12 : null;
  }
  function drawLive() {
    const edge = livePosition();
    const now = edge !== null && edge !== undefined && !video.paused && edge - video.currentTime < 8;
    $("live").classList.toggle("now", now);
    const text = now ? "Live" : "Go live";
    if ($("live").lastElementChild.textContent !== text) $("live").lastElementChild.textContent = text;
  }

  function togglePlay() {
    if (video.paused) video.play().catch(() => {});
    else video.pause();
    say(video.paused ? "Paused" : "Playing");
  }
  function toggleSound() {
    video.muted = !video.muted;
    if (!video.muted && video.volume === 0) video.volume = 0.5;
    say(video.muted ? "Sound off" : "Sound on");
  }
  function setVolume(v) {
    video.muted = false;
    video.volume = Math.min(1, Math.max(0, v));
    say(`Volume ${Math.round(video.volume * 100)} %`);
  }
  function seek(by) {
    if (!video.seekable.length) return;
    const first = video.seekable.start(0);
    const last = livePosition() ?? video.seekable.end(video.seekable.length - 1);
    video.currentTime = Math.max(first, Math.min(last, video.currentTime + by));
    say(by < 0 ? "Five seconds back" : "Five seconds forward");
  }
  function goLive() {
    const edge = livePosition();
    if (edge !== null && edge !== undefined) video.currentTime = edge;
    video.play().catch(() => {});
    say("You are live");
  }
  function toggleFull() {
    if (document.fullscreenElement) document.exitFullscreen();
    else if ($("theatre").requestFullscreen) $("theatre").requestFullscreen().catch(() => say("Full screen is not allowed here"));
    else if (video.webkitEnterFullscreen) video.webkitEnterFullscreen();
  }
  document.addEventListener("fullscreenchange", () =>
    label($("full"), "#i-full", document.fullscreenElement ? "Leave full screen" : "Full screen"));
  function toggleCaptions() {
    if (!hls || hls.subtitleTracks.length === 0) return say("This programme has no captions");
    hls.subtitleTrack = hls.subtitleTrack < 0 ? 0 : -1;
    say(hls.subtitleTrack < 0 ? "Captions off" : "Captions on");
    menus();
  }

  // ---- menus ----

  function languageName(code) {
    try { return new Intl.DisplayNames([navigator.language || "en"], { type: "language" }).of(code); } catch { return code; }
  }

  function fill(name, items, none) {
    const menu = $(`${name}-menu`);
    const button = $(name);
    button.disabled = items.length < 2;
    button.title = items.length < 2 ? none : button.querySelector("span").textContent;
    if (!menu.hidden && menu.childElementCount === items.length) {  // keep the focus where it is
      items.forEach((item, i) => menu.children[i].setAttribute("aria-checked", String(item.on)));
      return;
    }
    menu.replaceChildren(...items.map((item) => {
      const entry = document.createElement("button");
      entry.type = "button";
      entry.setAttribute("role", "menuitemradio");
      entry.setAttribute("aria-checked", String(item.on));
      entry.tabIndex = -1;
      entry.textContent = item.text;
      entry.addEventListener("click", () => { item.choose(); closeMenu(name, true); say(`${button.querySelector("span").textContent}: ${item.text}`); menus(); });
      return entry;
    }));
  }

  function menus() {
    const tracks = hls ? hls.audioTracks : [];
    fill("audio", tracks.map((t, i) => ({
      text: t.name || languageName(t.lang) || `Track ${i + 1}`, on: i === hls.audioTrack, choose: () => { hls.audioTrack = i; },
    })), "This programme has one audio track");
    const captions = hls ? hls.subtitleTracks : [];
    fill("captions", captions.length === 0 ? [] : [
      { text: "Off", on: hls.subtitleTrack < 0, choose: () => { hls.subtitleTrack = -1; } },
      ...captions.map((t, i) => ({
        text: t.name || languageName(t.lang) || `Captions ${i + 1}`, on: i === hls.subtitleTrack,
        choose: () => { hls.subtitleTrack = i; },
      }))], "This programme has no captions");
    const levels = hls ? hls.levels : [];
    const automatic = hls && hls.autoLevelEnabled;
    const shown = hls && levels[hls.currentLevel] ? ` (now ${levels[hls.currentLevel].height}p)` : "";
    fill("quality", levels.length < 2 ? [] : [
      { text: `Automatic${automatic ? shown : ""}`, on: automatic, choose: () => { hls.nextLevel = -1; } },
      ...levels.map((l, i) => ({ l, i })).sort((a, b) => b.l.height - a.l.height).map(({ l, i }) => ({
        text: `${l.height}p`, on: !automatic && i === hls.currentLevel, choose: () => { hls.nextLevel = i; },
      }))], "This programme has one picture quality");
  }

  const menuNames = ["audio", "captions", "quality"];
  function openMenu(name) {
    menuNames.forEach((n) => closeMenu(n, false));
    const menu = $(`${name}-menu`);
    menu.hidden = false;
    $(name).setAttribute("aria-expanded", "true");
    (menu.querySelector('[aria-checked="true"]') || menu.firstElementChild).focus();
  }
  function closeMenu(name, focus) {
    if ($(`${name}-menu`).hidden) return false;
    $(`${name}-menu`).hidden = true;
    $(name).setAttribute("aria-expanded", "false");
    if (focus) $(name).focus();
    return true;
  }
  menuNames.forEach((name) => {
    $(name).addEventListener("click", () => { if (!closeMenu(name, true)) openMenu(name); });
    $(`${name}-menu`).addEventListener("keydown", (event) => {
      const items = [...event.currentTarget.children];
      const at = items.indexOf(document.activeElement);
      const to = { ArrowDown: (at + 1) % items.length, ArrowUp: (at + items.length - 1) % items.length, Home: 0, End: items.length - 1 }[event.key];
      if (event.key === "Tab") closeMenu(name, true);
      if (to === undefined) return;
      items[to].focus();
      event.preventDefault();
      event.stopPropagation();
    });
  });
  document.addEventListener("click", (event) => {
    menuNames.forEach((n) => { if (!$(n).parentElement.contains(event.target)) closeMenu(n, false); });
  });

  // ---- why am I seeing this ----

  function element(tag, text, name) {
    const e = document.createElement(tag);
    if (text) e.textContent = text;
    if (name) e.className = name;
    return e;
  }
  function card(title, tag, ...rest) {
    const c = element("div", "", "card");
    c.append(element("strong", title));
    if (tag) c.append(element("span", tag[0], `tag ${tag[1]}`));
    c.append(...rest.filter(Boolean));
    return c;
  }
  function list(texts) {
    if (!texts || texts.length === 0) return null;
    const ul = element("ul");
    texts.forEach((t) => ul.append(element("li", t)));
    return ul;
  }
  const time = (date) => new Date(date).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const seconds = (n) => `${Math.round(n * 10) / 10} s`;
  const states = {
    on_air: ["On your screen", "good"],
    coming: ["Comes in a few seconds", "warn"],
    waiting: ["Waits for its moment in the programme", "warn"],
    fallback: ["Not shown just now: the node is busy", "warn"],
  };
  // What decided a condition: the parts of it that have a reason of their own.
  const reasons = (c) => (!c ? [] : c.parts ? c.parts.filter((p) => p.verdict !== "true").flatMap(reasons) : c.reason ? [c.reason] : []);
  const notFor = (name, items, id) => {
    const not = items.filter((i) => i.verdict !== "true");
    if (not.length === 0) return null;
    const details = element("details");
    details.append(element("summary", not.length === 1 ? `One ${name} that is not for you` : `${not.length} ${name}s that are not for you`));
    not.forEach((i) => details.append(card(i[id],
      i.verdict === "unknown" ? ["Cannot be decided: something about you is not known, or you have not allowed its use", "warn"] : null,
      i.condition ? element("p", `For whom ${i.condition.text}`, "soft") : null, list(reasons(i.condition)))));
    return details;
  };

  function explain(x) {
    const out = [];
    const section = (title, ...nodes) => { out.push(element("h3", title), ...nodes.filter(Boolean)); };
    const because = (id) => {
      const rule = (x.rules || []).find((r) => r.rule === id);
      const text = rule && rule.condition ? rule.condition.text : "";
      return `Rule “${id}”${text === "true" ? ", for everybody" : text ? `, for whom ${text}` : ""}`;
    };
    if (x.now && x.now.fallback)
      out.push(card("You see the common picture just now", null, element("p", "The node has no room for your own version. Yours comes back by itself.")));
    // The player is some seconds behind the node.
    const shown = hls && hls.playingDate;
    const coming = (x.now && !x.now.own) || (shown && x.from && x.from.date && shown < new Date(x.from.date));
    if (coming) out.push(element("p", "Your own version of the programme begins in a few seconds.", "soft"));

    const overlays = x.overlays || [];
    section("In the picture", ...(overlays.length === 0 ? [element("p", "Nothing is laid over the picture for you.")] : overlays.map((o) =>
      card(o.overlay, states[coming && o.state === "on_air" ? "coming" : o.state], element("p", because(o.rule)),
        list(Object.entries(o.values || {}).map(([k, v]) => `${k}: ${v}`))))));
    if (x.audio && x.audio.language && x.audio.language !== "und")
      section("Sound", element("p", `You hear ${languageName(x.audio.language)}.`));
    const clips = Object.entries((x.choice && x.choice.clips) || {});
    if (clips.length > 0)
      section("Programme", ...clips.map(([event, c]) => card(c.media, null, element("p", `In place of the programme's “${event}”. ${because(c.rule)}`))));

    const breaks = x.breaks || [];
    section("Advertisements", ...(breaks.length === 0 ? [element("p", "No break has been decided for you yet.")] : breaks.map((b) =>
      card(`${b.kind === "clip" ? "Clip" : "Break"} at ${time(b.date)}, ${seconds(b.seconds)}`, null,
        list((b.slots || []).map((s) => `${s.title || s.creative}, ${seconds(s.seconds)}${s.campaign ? `: campaign “${s.campaign}”` : ""}`))))));

    out.push(...[notFor("rule", x.rules || [], "rule"), notFor("campaign", x.campaigns || [], "campaign")].filter(Boolean));
    // What the reader has unfolded stays unfolded.
    const open = [...$("why-body").querySelectorAll("details")].map((d) => d.open);
    $("why-body").replaceChildren(...out);
    [...$("why-body").querySelectorAll("details")].forEach((d, i) => { d.open = Boolean(open[i]); });
  }

  let lastExplained = "";
  async function refreshWhy() {
    try {
      const response = await fetch(whyAddress, { credentials: "omit", cache: "no-store" });
      if (!response.ok) throw new Error(String(response.status));
      const text = await response.text();
      if (text === lastExplained && $("why-body").childElementCount > 1) return;
      explain(JSON.parse(text));
      lastExplained = text;
    } catch {
      if (lastExplained === "") $("why-body").replaceChildren(element("p", "The reasons cannot be fetched just now. They are asked for again in a few seconds."));
    }
  }
  function toggleWhy(open) {
    if (!stats.session) return;
    const panel = $("why-panel");
    const show_ = open ?? panel.hidden;
    if (show_ === !panel.hidden) return;
    panel.hidden = !show_;
    $("why").setAttribute("aria-expanded", String(show_));
    clearInterval(whyTimer);
    if (show_) {
      if (lastExplained === "") $("why-body").replaceChildren(element("p", "Asking…"));
      refreshWhy();
      whyTimer = setInterval(refreshWhy, 4000);
      $("why-title").focus();
    } else {
      $("why").focus();
    }
  }

  // ---- keys and quiet ----

  function wake() {
    $("theatre").classList.remove("quiet");
    clearTimeout(quietTimer);
    quietTimer = setTimeout(() => {
      const busy = video.paused || !$("why-panel").hidden || menuNames.some((n) => !$(`${n}-menu`).hidden) || !$("problem").hidden;
      if (!busy && everPlayed) $("theatre").classList.add("quiet");
    }, 3500);
  }
  for (const event of ["pointermove", "pointerdown", "keydown", "focusin"]) document.addEventListener(event, wake);

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || $("help").open) return;
    const on = event.target;
    const presses = on.closest && on.closest("button, summary, a");  // Space is theirs
    const slides = on.id === "volume";
    const reads = on.closest && on.closest(".panel-body");
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const actions = {
      " ": presses ? null : togglePlay, k: togglePlay, m: toggleSound, f: toggleFull, c: toggleCaptions, l: goLive,
      w: () => toggleWhy(), y: () => window.dvpeFeedback.tell("like"), n: () => window.dvpeFeedback.tell("dislike"), "?": () => $("help").showModal(),
      ArrowLeft: slides || reads ? null : () => seek(-5), ArrowRight: slides || reads ? null : () => seek(5),
      ArrowUp: slides || reads ? null : () => setVolume(video.volume + 0.05),
      ArrowDown: slides || reads ? null : () => setVolume(video.volume - 0.05),
      Escape: () => { if (!menuNames.some((n) => closeMenu(n, true))) toggleWhy(false); },
    };
    if (!actions[key]) return;
    event.preventDefault();
    actions[key]();
  });

  $("play").addEventListener("click", togglePlay);
  $("mute").addEventListener("click", toggleSound);
  $("unmute").addEventListener("click", () => { video.muted = false; $("unmute").hidden = true; $("mute").focus(); });
  $("volume").addEventListener("input", (event) => setVolume(Number(event.target.value) / 100));
  $("live").addEventListener("click", goLive);
  $("full").addEventListener("click", toggleFull);
  $("why").addEventListener("click", () => toggleWhy());
  $("why-close").addEventListener("click", () => toggleWhy(false));
  $("help-button").addEventListener("click", () => $("help").showModal());
  $("help-close").addEventListener("click", () => $("help").close());
  $("retry").addEventListener("click", start);
  video.addEventListener("click", togglePlay);
  video.addEventListener("dblclick", toggleFull);

  if (channel) document.title = `${channel} - live`;
  $("title").textContent = channel ? `${channel}, live` : "Live programme";
  $("why").hidden = true;
  drawPlay();
  drawSound();
  menus();
  label($("full"), "#i-full", "Full screen");
  start();
})();
