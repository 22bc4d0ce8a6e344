// What the page does beyond HTML: keys, the reader's own time, and a warning before a session ends.
// Every act works without it. It writes text alone, never markup.
"use strict";

(() => {
  const body = document.body;

  // What was confidential must not come back from the browser's memory after signing out.
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });

  // Each moment in the reader's own time, with UTC behind it.
  const own = new Intl.DateTimeFormat([], { dateStyle: "medium", timeStyle: "short" });
  for (const time of document.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) time.textContent = `${own.format(at)} (${time.textContent})`;
  }

  // Five minutes before a session ends it says so, and one key or press goes on.
  const ending = document.getElementById("ending");
  if (ending && body.dataset.ends) {
    let ends = new Date(body.dataset.ends).getTime();
    const goOn = document.createElement("button");
    goOn.type = "button";
    goOn.textContent = "Go on";
    const words = document.createElement("span");
    ending.append(words, " ", goOn);
    goOn.addEventListener("click", async () => {
      const answer = await fetch("/health", { cache: "no-store" });
      if (!answer.ok) {
        words.textContent = "Your session is over. Copy what you typed, and sign in again.";
        return;
      }
      ends = Date.now() + 60 * 60 * 1000;
      ending.hidden = true;
    });
    setInterval(() => {
      const left = ends - Date.now();
      if (left > 5 * 60 * 1000) return;
      const minutes = Math.max(0, Math.ceil(left / 60000));
      const text = left > 0 ? `Your session ends in ${minutes} min.` : "Your session is over.";
      if (words.textContent !== text) words.textContent = text;
      if (ending.hidden) ending.hidden = false;
    }, 10000);
  }

  // Keys without modifiers: silent in fields, and switched off by one of them (WCAG 2.1.4).
  const OFF = "sealdesk-keys-off";
  const keys = document.getElementById("keys");
  let isOff = localStorage.getItem(OFF) === "1";
  const help = () => isOff
    ? "Keys are switched off."
    : "Keys: j and k go through the list, Enter opens, u goes up, g then q goes to the queue, / finds a case, "
      + "r replies, n writes a note, a assigns, ? shows this.";
  const shown = document.createElement("span");
  const toggle = document.createElement("button");
  toggle.type = "button";
  const tell = () => {
    shown.textContent = help();
    toggle.textContent = isOff ? "Switch keys on" : "Switch keys off";
  };
  if (keys) {
    keys.append(shown, " ", toggle);
    tell();
  }
  toggle.addEventListener("click", () => {
    isOff = !isOff;
    localStorage.setItem(OFF, isOff ? "1" : "0");
    tell();
  });

  const inField = (target) => target instanceof Element
    && target.closest("input, select, textarea, [contenteditable]") !== null;
  const links = () => [...document.querySelectorAll("a.open")];
  const step = (by) => {
    const all = links();
    const at = all.indexOf(document.activeElement);
    const next = all[Math.min(all.length - 1, Math.max(0, at + by))];
    if (next) next.focus();
  };
  const focus = (id) => {
    const field = document.getElementById(id);
    if (!field) return;
    const folded = field.closest("details");
    if (folded) folded.open = true;
    field.focus();
  };
  let before = "";
  addEventListener("keydown", (event) => {
    if (isOff || event.ctrlKey || event.altKey || event.metaKey || inField(event.target)) return;
    const key = event.key;
    const chord = before + key;
    before = key === "g" ? "g" : "";
    const acts = {
      j: () => step(1),
      k: () => step(-1),
      u: () => { location.href = document.getElementById("up")?.href ?? "/"; },
      "/": () => focus("find"),
      r: () => document.getElementById("reply")?.click(),
      n: () => focus("note"),
      a: () => focus("who"),
      "?": () => { if (keys) { keys.hidden = false; keys.scrollIntoView(); toggle.focus(); } },
    };
    const act = chord === "gq" ? () => { location.href = "/"; } : acts[key];
    if (!act) return;
    event.preventDefault();
    act();
  });
})();
