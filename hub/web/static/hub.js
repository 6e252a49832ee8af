// Swaps the marked regions of a page when the hub says that something changed.
"use strict";

const IDLE_MS = 10000;
const THEME = "hub.theme";
const held = new Map();
let activeAt = 0;
let fetching = false;
let again = false;

const regions = (root) => root.querySelectorAll("[data-region]");

// Whoever points at a list, reads it by keyboard or marks words in it has it in use, until idle for ten seconds.
function isInUse(region) {
  if (!region.hasAttribute("data-list") || Date.now() - activeAt > IDLE_MS) return false;
  const place = region.closest(".column") ?? region;
  const selection = document.getSelection();
  const marked = selection && !selection.isCollapsed && region.contains(selection.anchorNode);
  return marked || place.matches(":hover") || place.contains(document.activeElement);
}

function swap(region, fresh) {
  const focused = region.contains(document.activeElement) ? document.activeElement.closest("[id]")?.id : null;
  const top = region.scrollTop;
  region.innerHTML = fresh.innerHTML;
  region.scrollTop = top;
  if (focused) (document.getElementById(focused)?.querySelector("a") ?? document.getElementById(focused))?.focus();
  drop(region.id);
}

function drop(id) {
  held.delete(id);
  const button = document.querySelector(`[data-news="${id}"]`);
  if (button) button.hidden = true;
}

// What is in use stays where it is: what is new is announced, then enters on a click or once nobody uses the list.
function hold(region, fresh) {
  const known = new Set([...region.children].map((item) => item.id));
  const count = [...fresh.children].filter((item) => !known.has(item.id)).length;
  const button = document.querySelector(`[data-news="${region.id}"]`);
  if (button) {
    button.textContent = count === 0 ? "Hay cambios" : count === 1 ? "1 nuevo" : `${count} nuevos`;
    button.hidden = false;
  }
  held.set(region.id, fresh);
}

function settle(region) {
  const fresh = held.get(region.id);
  if (fresh) swap(region, fresh);
}

function settleIdle() {
  for (const id of [...held.keys()]) {
    const region = document.getElementById(id);
    if (region && !isInUse(region)) settle(region);
  }
}

async function refresh() {
  if (fetching) {
    again = true;
    return;
  }
  fetching = true;
  try {
    do {
      again = false;
      const answer = await fetch(location.href, { cache: "no-store" });
      if (!answer.ok) break;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const region of regions(document)) {
        const fresh = page.getElementById(region.id);
        if (!fresh || fresh.innerHTML === region.innerHTML) {
          if (fresh) drop(region.id);
        } else if (isInUse(region)) hold(region, fresh);
        else swap(region, fresh);
      }
    } while (again);
  } catch {
    say("sin conexión");
  } finally {
    fetching = false;
  }
}

function say(text) {
  const place = document.getElementById("link");
  if (place && place.textContent !== text) place.textContent = text;
}

function listen() {
  const source = new EventSource("/vivo");
  source.addEventListener("open", () => say("en vivo"));
  source.addEventListener("changed", refresh);
  source.addEventListener("error", () => {
    say("reconectando");
    // A refusal ends the stream for good; what merely broke is tried again by the browser itself.
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 5000);
  });
}

function offerTheme() {
  const button = document.getElementById("theme");
  const isDark = () =>
    (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const label = () => {
    button.textContent = isDark() ? "Tema claro" : "Tema oscuro";
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    localStorage.setItem(THEME, document.documentElement.dataset.theme);
    label();
  });
  label();
}

const chosen = localStorage.getItem(THEME);
if (chosen) document.documentElement.dataset.theme = chosen;
offerTheme();
for (const kind of ["pointermove", "pointerdown", "keydown", "wheel"]) {
  document.addEventListener(kind, () => (activeAt = Date.now()), { passive: true });
}
setInterval(settleIdle, 1000);
for (const button of document.querySelectorAll("[data-news]")) {
  button.addEventListener("click", () => settle(document.getElementById(button.dataset.news)));
}
if (regions(document).length) listen();
