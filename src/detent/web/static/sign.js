// The forms by which people decide: form#answer (approve, deny), form#stop (pause, halt), and those of the page Sign.

import { decide, runOfPage, say } from "./deciding.js";

for (const form of document.querySelectorAll("form#answer, form#stop, form#resume, form#lease, form#rollback")) wire(form);

function wire(form) {
  for (const button of form.querySelectorAll("button")) button.disabled = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const wanted = wantedBy(form, event.submitter);
    if (form.elements.because && !wanted.because) {
      say(form, ["A reason is needed: it stands on the ledger."]);
      form.elements.because.focus();
      return;
    }
    for (const button of form.querySelectorAll("button")) button.disabled = true;
    say(form, ["..."]);
    try {
      const run = form.dataset.run || form.elements.run?.value || runOfPage();
      say(form, await decide(run, wanted, command(wanted)));
    } catch (error) {
      say(form, [error.message]);
    } finally {
      for (const button of form.querySelectorAll("button")) button.disabled = false;
    }
  });
}

function wantedBy(form, button) {
  const wanted = { kind: button?.value || form.dataset.kind };
  // On the ledger a reason is one line.
  if (form.elements.because) wanted.because = form.elements.because.value.replace(/\s+/g, " ").trim();
  if (form.dataset.request) wanted.request = Number(form.dataset.request);
  if (form.elements.to) wanted.to = Number(form.elements.to.value);
  if (form.elements.generations) wanted.generations = Number(form.elements.generations.value);
  return wanted;
}

// What a steward types instead, with their own program.
function command(wanted) {
  const words = ["detent", wanted.kind, "DIR"];
  if (wanted.request) words.push(wanted.request);
  if (wanted.to !== undefined) words.push("--to", wanted.to);
  if (wanted.generations) words.push("--generations", wanted.generations);
  if (wanted.because) words.push("--because", `'${wanted.because.replaceAll("'", "'\\''")}'`);
  return words.join(" ");
}
