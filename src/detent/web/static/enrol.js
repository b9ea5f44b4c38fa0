// A code, a name, and a key that is made here: what the quorum is then to sign.

import { check, confirmed, element, post, runOfPage, say } from "./deciding.js";
import { allKeys, envelope, fromBase64, keyFor, whyNoKeys } from "./keys.js";
import { words } from "./words.js";

const form = document.querySelector("form#enrol");
const run = runOfPage();

await listKeys();
const missing = await whyNoKeys();
if (missing) say(form, [missing, "Instead: detent key new NAME, and detent charter amend DIR FILE with its public half."]);
else form.querySelector("button").disabled = false;

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  form.querySelector("button").disabled = true;
  try {
    say(form, await enrol(form.elements.steward.value.trim(), form.elements.code.value));
  } catch (error) {
    say(form, [error.message]);
  } finally {
    form.querySelector("button").disabled = false;
    await listKeys();
  }
});

async function enrol(name, code) {
  const key = await keyFor(name);
  const address = `/api/v1/runs/${encodeURIComponent(run)}/enrolments`;
  const draft = await post(`${address}/draft`, { code, key: key.vkey });
  const payload = fromBase64(draft.payload);
  await check({ kind: "countersign", digest: draft.digest }, draft, payload);
  const said = words(draft.payload_type, payload, draft.in_force ?? "");
  if (!(await confirmed(said, draft.digest, key))) return ["Nothing was signed; the code still counts."];
  const text = await envelope(key, draft.payload_type, payload);
  const waits = await post(address, { code, key: key.vkey, envelope: text });
  return [
    `The key of ${name} waits for the stewards in force. Nothing is in force before they sign.`,
    `Read this to them by another way than this server: ${key.vkey}`,
    `They sign with: ${waits.next}`,
  ];
}

async function listKeys() {
  const keys = await allKeys().catch(() => []);
  const lines = keys.map((key) => element("li", key.vkey));
  document.querySelector("#keys").replaceChildren(...(lines.length ? lines : [element("li", "none")]));
}
