// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What the viewer thinks of what they see: I like this, not for me, hide this ad; each can be undone. The node answers when
// it decides by it (docs/reference/http.md, Feedback).
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const WORDS = {
    like: ["You like this", "You like this ad"],
    dislike: ["Less of this for you", "You will not see this ad again"],
    hide: ["", "You will not see this ad again"],
  };
  let session = null;
  let address = null;
  let say = () => {};
  let last = null;        // what was said and can be undone: {verb, tick}
  let busy = false;
  let timer = 0;
  let number = Date.now() * 1000;
  const stats = { said: 0, refused: 0 };
  window.dvpeSaidStats = stats;

  async function post(verb, tick) {
    number += 1;
    const body = { session, verb, n: number, ...(tick === null ? {} : { tick }) };
    const response = await fetch(address, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), credentials: "omit", cache: "no-store",
    });
    if (!response.ok) throw new Error(String(response.status));
  }

  function draw() {
    $("hide-ad").hidden = window.dvpeEvents.showing() === null;
    for (const verb of ["like", "dislike"]) $(verb).setAttribute("aria-pressed", String(Boolean(last) && last.verb === verb));
  }

  function offerUndo(text) {
    $("said-text").textContent = text;
    $("said").hidden = false;
    clearTimeout(timer);
    timer = setTimeout(close, 8000);
  }
  function close() {
    // Whoever is on the button still wants it.
    if ($("said").contains(document.activeElement)) { timer = setTimeout(close, 4000); return; }
    $("said").hidden = true;
    last = null;
    draw();
  }

  async function tell(verb) {
    if (!address || busy) return;
    if (last && last.verb === verb) return undo();  // pressed again
    const tick = window.dvpeEvents.showing();
    if (verb === "hide" && tick === null) return;
    busy = true;
    try {
      await post(verb, tick);
      ++stats.said;
      last = { verb, tick };
      offerUndo(WORDS[verb][tick === null ? 0 : 1]);
    } catch {
      ++stats.refused;
      say("This could not be kept. Try again in a moment.");
    }
    busy = false;
    draw();
  }

  async function undo() {
    if (!last || busy) return;
    busy = true;
    const focused = $("said").contains(document.activeElement);
    try {
      await post("undo", last.tick);
      last = null;
      clearTimeout(timer);
      $("said").hidden = true;
      if (focused) $("like").focus();
      say("Undone");
    } catch {
      ++stats.refused;
      say("This could not be undone. Try again in a moment.");
    }
    busy = false;
    draw();
  }

  $("like").addEventListener("click", () => tell("like"));
  $("dislike").addEventListener("click", () => tell("dislike"));
  $("hide-ad").addEventListener("click", () => tell("hide"));
  $("said-undo").addEventListener("click", undo);
  setInterval(() => { if (address) draw(); }, 500);

  window.dvpeFeedback = {
    // where: of POST /v1/feedback; nothing: this viewing has none. toast: says something to the viewer.
    open(opened, where, toast) {
      session = opened;
      address = where;
      say = toast;
      $("opinion").hidden = !where;
      draw();
    },
    tell,
  };
})();
