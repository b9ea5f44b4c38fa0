// From what a person pressed to an envelope that is handed in: draft, read, compare, perhaps ask once more, sign, send.

import { envelope, fromBase64, keyAmong, pae, sha256, whyNoKeys } from "./keys.js";
import { ANSWER, LEASE, ORDER, read, words } from "./words.js";

// What stops something is signed at once: it must not be harder than to go on.
const STOPS = ["pause", "halt", "deny"];

// Signs and hands in; returns sentences for the person. wanted: as `Wanted` of the API. cli: the command instead.
export async function decide(run, wanted, cli) {
  const missing = await whyNoKeys();
  if (missing) return [missing, `Instead: ${cli}`];
  const draft = await post(`/api/v1/runs/${encodeURIComponent(run)}/drafts`, wanted);
  const payload = fromBase64(draft.payload);
  await check(wanted, draft, payload);
  const key = await keyAmong(draft.stewards);
  if (!key) {
    return [
      "No key in this browser is one of this run's stewards: it was not enrolled, or its amendment waits to be signed.",
      `Instead: ${cli}`,
    ];
  }
  const said = words(draft.payload_type, payload, draft.in_force ?? "");
  if (!STOPS.includes(wanted.kind) && !(await confirmed(said, draft.digest, key))) return ["Nothing was signed."];
  return handIn(run, await envelope(key, draft.payload_type, payload), said[0], key);
}

export async function handIn(run, text, said, key) {
  const became = await post(`/api/v1/runs/${encodeURIComponent(run)}/envelopes`, { envelope: text }, [409]);
  const signed = `Signed by ${key.name}: ${said}`;
  switch (became.became) {
    case "on the ledger":
      return [signed, `On the ledger, ${became.at}.`];
    case "waits":
      return [signed, `Handed in as ${became.digest.slice(0, 12)}; ${became.why}.`];
    default:
      return [`Refused, and nothing was handed in: ${became.why ?? became.error?.said}`];
  }
}

// The bytes are what was pressed and typed, whatever the server says of them.
export async function check(wanted, draft, payload) {
  if (draft.digest !== (await sha256(payload)) || draft.pae_sha256 !== (await sha256(pae(draft.payload_type, payload)))) {
    throw new Error("bytes with the digest that the server names expected, got others; nothing was signed");
  }
  const said = read(draft.payload_type, payload);
  if (!agrees(wanted, draft, said)) {
    throw new Error("what you pressed and typed expected to be signed, the server sent something else; nothing was signed");
  }
}

function agrees(wanted, draft, said) {
  switch (wanted.kind) {
    case "approve":
    case "deny":
      return (
        draft.payload_type === ANSWER &&
        said.verdict === wanted.kind &&
        said.request === wanted.request &&
        said.because === wanted.because
      );
    case "lease":
      return draft.payload_type === LEASE && said.generations === wanted.generations;
    case "countersign":
      return draft.digest.startsWith(wanted.digest);
    default: {
      const orders = wanted.kind === "resume" ? ["resume", "lift"] : [wanted.kind];
      return (
        draft.payload_type === ORDER &&
        orders.includes(said.order) &&
        said.because === wanted.because &&
        said.to === (wanted.to ?? null)
      );
    }
  }
}

// Shows what is to be signed, and asks; resolves to whether it may be.
export function confirmed(said, digest, key) {
  const dialog = document.createElement("dialog");
  dialog.className = "signing";
  const heading = element("h2", "What you sign");
  heading.id = "signing-heading";
  dialog.setAttribute("aria-labelledby", heading.id);
  const list = document.createElement("ul");
  for (const line of said) list.append(element("li", line));
  const about = element("p", `Read by this browser from the bytes themselves. SHA-256 ${digest}. Key ${key.vkey}`);
  const buttons = document.createElement("p");
  const sign = element("button", `Sign as ${key.name}`);
  const leave = element("button", "Sign nothing");
  buttons.append(sign, " ", leave);
  dialog.append(heading, list, about, buttons);
  document.body.append(dialog);
  return new Promise((resolve) => {
    sign.addEventListener("click", () => dialog.close("sign"));
    leave.addEventListener("click", () => dialog.close(""));
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "sign");
      dialog.remove();
    });
    dialog.showModal();
  });
}

// JSON in, JSON out; throws with the server's own sentence, but for the statuses in `also`.
export async function post(address, body, also = []) {
  const token = document.querySelector('meta[name="detent-token"]')?.content;
  const answer = await fetch(address, {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json", ...(token ? { "X-Detent-Token": token } : {}) },
    body: JSON.stringify(body),
  });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok && !also.includes(answer.status)) {
    throw new Error(said.error?.said ?? `an answer expected, got status ${answer.status}; try again`);
  }
  return said;
}

export function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

// Puts sentences where the form has room for them; read out by a screen reader.
export function say(form, sentences) {
  let place = form.querySelector("output.said");
  if (!place) {
    place = document.createElement("output");
    place.className = "said";
    form.append(place);
  }
  place.replaceChildren(...sentences.map((each) => element("p", each)));
}

// The run that a page is about, from its address: /runs/NAME/...
export function runOfPage() {
  const found = /^\/runs\/([^/]+)/.exec(location.pathname);
  return found ? decodeURIComponent(found[1]) : "";
}
