// What waits for signatures: each is read in this browser before it is signed.

import { decide, element, runOfPage, say } from "./deciding.js";

const run = runOfPage();
const list = document.querySelector("#waiting");
await show();

async function show() {
  const answer = await fetch(`/api/v1/runs/${encodeURIComponent(run)}/waiting`, { credentials: "same-origin" });
  const found = answer.ok ? await answer.json() : [];
  list.replaceChildren(...(found.length ? found.map(item) : [element("li", "Nothing waits for a signature.")]));
}

function item(waiting) {
  const line = element("li", `${waiting.payload_type}, SHA-256 ${waiting.digest}; `);
  line.append(`signed by ${waiting.signers.join(", ") || "nobody in force"} `);
  const form = document.createElement("form");
  const button = element("button", "Read and sign");
  button.setAttribute("aria-label", `Read and sign ${waiting.digest.slice(0, 12)}`);
  form.append(button);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    const cli = `detent charter sign DIR ${waiting.digest.slice(0, 12)} --key FILE`;
    try {
      say(form, await decide(run, { kind: "countersign", digest: waiting.digest }, cli));
    } catch (error) {
      say(form, [error.message]);
    } finally {
      button.disabled = false;
    }
  });
  line.append(form);
  return line;
}
