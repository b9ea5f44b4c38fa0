// Keeps a page up to date: on news from the run it fetches the page again and puts in the parts that changed. What a
// person has open, zoomed, scrolled to or typed stays as it is.

import { enliven, zoomAgain, zooms } from "./charts.js";

const LEAST_BETWEEN = 1500; // milliseconds from one fetch to the next
const news = document.getElementById("news");
const tell = (text) => { if (news && news.textContent !== text) news.textContent = text; };

let shown = Number(document.body.dataset.version ?? 0);
let wanted = shown;
let busy = false;
let last = 0;

// What is open or scrolled in a part of the page, by its place in it.
function keep(part) {
  const places = (query, value) => [...part.querySelectorAll(query)].map(value);
  return {
    open: places("details", (one) => one.open),
    scrolled: places(".scroll, pre", (one) => [one.scrollLeft, one.scrollTop]),
    zoomed: zooms(part),
    focus: pathOf(part, document.activeElement),
  };
}

function pathOf(part, element) {
  if (!element || !part.contains(element) || element === part) return null;
  const path = [];
  for (let one = element; one !== part; one = one.parentElement) {
    path.unshift([...one.parentElement.children].filter((other) => !other.classList.contains("tools")).indexOf(one));
  }
  return path;
}

function at(part, path) {
  return path.reduce((one, index) => [...(one?.children ?? [])].filter((c) => !c.classList.contains("tools"))[index], part);
}

function putBack(part, kept) {
  part.querySelectorAll("details").forEach((one, place) => { if (kept.open[place]) one.open = true; });
  enliven(part);
  zoomAgain(part, kept.zoomed);
  part.querySelectorAll(".scroll, pre").forEach((one, place) => {
    const [left, top] = kept.scrolled[place] ?? [0, 0];
    one.scrollLeft = left;
    one.scrollTop = top;
  });
  if (kept.focus) at(part, kept.focus)?.focus?.({ preventScroll: true });
}

// Whether a person is writing or choosing something there.
function inUse(part) {
  const fields = [...part.querySelectorAll("input, textarea, select")];
  return fields.some((one) => one === document.activeElement || changed(one));
}

function changed(field) {
  if (field.tagName === "SELECT") return [...field.options].some((one) => one.selected !== one.defaultSelected && field.form?.dataset.touched);
  return field.value !== field.defaultValue;
}

document.addEventListener("change", (event) => {
  if (event.target.form) event.target.form.dataset.touched = "yes";
});

const sources = new Map(); // each live part as the server sent it: scripts change what stands on the page
for (const part of document.querySelectorAll("[data-live][id]")) sources.set(part.id, null);

async function renew() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
  if (!answer.ok) throw new Error(`page: ${answer.status}`);
  const newer = new DOMParser().parseFromString(await answer.text(), "text/html");
  const named = [];
  for (const part of document.querySelectorAll("[data-live][id]")) {
    const found = newer.getElementById(part.id);
    if (!found) continue;
    const text = found.innerHTML;
    if (sources.get(part.id) === null) {
      // The first time what stands there is compared as a reader sees it.
      const same = plainText(part) === plainText(found);
      sources.set(part.id, same ? text : undefined);
      if (same) continue;
    }
    if (sources.get(part.id) === text || inUse(part)) continue;
    sources.set(part.id, text);
    const kept = keep(part);
    part.replaceChildren(...[...found.childNodes].map((one) => document.importNode(one, true)));
    putBack(part, kept);
    part.classList.remove("renewed");
    void part.offsetWidth;
    part.classList.add("renewed");
    named.push(part.querySelector("h2, h1")?.textContent?.trim() || part.id);
  }
  shown = Number(newer.body.dataset.version ?? wanted);
  document.body.dataset.version = String(shown);
  if (named.length) {
    tell(`Changed: ${[...new Set(named)].join(", ")}`);
    document.dispatchEvent(new CustomEvent("detent:renewed", { detail: { version: shown } }));
  }
  questionGone(newer);
}

// The answer form itself is never replaced; once the question is answered it is closed.
function questionGone(newer) {
  const form = document.getElementById("answer");
  if (!form || newer.getElementById("answer")) return;
  for (const one of form.querySelectorAll("button, textarea")) one.disabled = true;
  tell("The request is no longer open");
}

function plainText(part) {
  const copy = part.cloneNode(true);
  for (const tools of copy.querySelectorAll(".tools")) tools.remove();
  return copy.textContent.replace(/\s+/g, " ");
}

async function follow() {
  if (busy) return;
  busy = true;
  try {
    while (wanted > shown && document.visibilityState === "visible") {
      const rest = last + LEAST_BETWEEN - Date.now();
      if (rest > 0) await new Promise((done) => { setTimeout(done, rest); });
      last = Date.now();
      const goal = wanted;
      await renew();
      if (shown < goal) shown = goal; // the page is of a moment before: the next news brings the rest
    }
  } catch {
    tell("The newest could not be fetched; it is tried again at the next news");
  } finally {
    busy = false;
  }
}

function listen(address) {
  const source = new EventSource(address);
  let lost = false;
  const heard = (event) => {
    // A page of all runs has no version of its own.
    const version = (document.body.dataset.run && versionIn(event.data)) || wanted + 1;
    if (version > wanted) wanted = version;
    follow();
  };
  source.addEventListener("message", heard);
  source.addEventListener("version", heard);
  source.addEventListener("open", () => { if (lost) tell("Connected again"); lost = false; });
  source.addEventListener("error", () => { if (!lost) tell("The connection was lost; it is made again"); lost = true; });
  addEventListener("pagehide", () => source.close());
}

function versionIn(data) {
  try {
    const found = JSON.parse(data);
    return typeof found === "number" ? found : typeof found?.version === "number" ? found.version : null;
  } catch {
    return null;
  }
}

document.addEventListener("visibilitychange", follow);
if (document.body.dataset.events) listen(document.body.dataset.events);
