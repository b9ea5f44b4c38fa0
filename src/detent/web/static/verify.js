// "Verify now": in section#verify of a page. data-run names a run of this server; data-ledger a ledger's folder (an address
// relative to the page) instead; data-key is the log's key as the page knows it. What comes of it is written as text alone.

const PATIENCE = 30; // seconds a file may take
const MARKS = { right: "✓ right", wrong: "✗ wrong", open: "? open", note: "– note" };
const OUTCOMES = {
  passed: "Everything that this page checks is right.",
  wrong: "Something is wrong.",
  undecided: "Nothing is wrong, but not everything could be checked here.",
  cancelled: "Cancelled.",
};

const made = (tag, text = "", attributes = {}) => {
  const element = document.createElement(tag);
  element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
};

function field(section, tag, id, label, about) {
  const input = made(tag, "", { id, spellcheck: "false", autocomplete: "off", "aria-describedby": `${id}-about` });
  section.append(made("label", label, { for: id }), input, made("p", about, { id: `${id}-about`, class: "about" }));
  return input;
}

class Verifier {
  constructor(section) {
    const { run, ledger, key = "", patience } = section.dataset;
    this.section = section;
    this.pageKey = key;
    this.asked = new URLSearchParams(location.search);
    this.patience = Number(patience ?? this.asked.get("patience")) || PATIENCE;
    this.ledger = ledger ?? (run === undefined ? null : `/runs/${encodeURIComponent(run)}/ledger/`);
    this.start = section.querySelector("button") ?? made("button", "Verify now", { type: "button" });
    if (this.ledger === null) {
      this.address = field(section, "input", "verify-ledger", "The ledger's address", "Its folder, which has the file checkpoint in it; of this host.");
      this.address.value = this.asked.get("ledger") ?? "ledger/";
    }
    const about = key ? `This page says ${key}. Compare it with what somebody you believe tells you; what you enter here counts.` : "As somebody you believe tells you. Left empty, log.vkey beside the ledger is taken.";
    this.key = field(section, "input", "verify-key", "The log's key", about);
    this.earlier = field(section, "textarea", "verify-earlier", "An earlier checkpoint (if you have one)", "The whole text of a checkpoint that you or others kept: a ledger that was rewritten or set back does not continue it.");
    this.cancel = made("button", "Cancel", { type: "button", hidden: "" });
    this.progress = made("progress", "", { hidden: "", "aria-label": "entries verified" });
    this.status = made("p", "", { role: "status" });
    this.list = made("ol", "", { class: "findings" });
    section.append(this.start, this.cancel, this.progress, this.status, this.list);
    this.start.addEventListener("click", () => this.begin());
    this.cancel.addEventListener("click", () => this.end("cancelled"));
  }

  // The folder's address, always of this page's own host: its policy lets it ask no other.
  base() {
    const given = this.address ? this.address.value.trim() : this.ledger;
    return new URL(given.endsWith("/") ? given : `${given}/`, document.baseURI).href;
  }

  begin() {
    this.worker?.terminate();
    this.list.replaceChildren();
    delete this.section.dataset.outcome;
    this.began = performance.now();
    let base;
    try {
      base = this.base();
    } catch {
      this.status.textContent = "That is no address.";
      return;
    }
    this.status.textContent = "Verifying…";
    this.start.disabled = true;
    this.cancel.hidden = this.progress.hidden = false;
    this.progress.removeAttribute("value");
    this.worker = new Worker(new URL("verify-worker.js", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data }) => (data.progress ? this.show(data.progress) : this.finish(base, data.result));
    this.worker.onerror = () => this.finish(base, { outcome: "wrong", findings: [{ name: "this page", status: "wrong", said: "the verification could not be finished", faults: [] }] });
    const key = this.key.value.trim() || this.pageKey;
    this.worker.postMessage({ base, key, patience: this.patience, earlier: this.earlier.value, remembered: recall(base) });
  }

  show([done, of, what]) {
    this.progress.max = of;
    this.progress.value = done;
    this.status.textContent = `${done.toLocaleString("en")} of ${of.toLocaleString("en")} ${what}`;
  }

  finish(base, { outcome, findings, seen }) {
    for (const { name, status, said, faults } of findings) {
      const item = made("li", "", { "data-check": name, "data-status": status });
      item.append(made("strong", MARKS[status]), ` ${name}: ${status === "wrong" ? "it does not hold that " : ""}${said}`);
      if (faults.length) {
        const inner = made("ul");
        inner.append(...faults.map((fault) => made("li", fault)));
        item.append(inner);
      }
      this.list.append(item);
    }
    if (seen) remember(base, { ...seen, at: new Date().toISOString().slice(0, 19) + "Z" });
    this.end(outcome);
  }

  end(outcome) {
    this.worker?.terminate();
    this.worker = null;
    this.start.disabled = false;
    this.cancel.hidden = this.progress.hidden = true;
    const seconds = ((performance.now() - this.began) / 1000).toFixed(1);
    this.status.textContent = `${OUTCOMES[outcome]} ${seconds} seconds.`;
    this.section.dataset.outcome = outcome;
  }
}

const place = (base) => `detent verified ${base}`;

// {origin, key, size, root, at} of what this browser last found right at this address; null where there is none.
function recall(base) {
  try {
    const found = JSON.parse(localStorage.getItem(place(base)));
    const whole = found && Number.isInteger(found.size) && /^[0-9a-f]{64}$/u.test(found.root);
    return whole ? found : null;
  } catch {
    return null;
  }
}

function remember(base, seen) {
  try {
    localStorage.setItem(place(base), JSON.stringify(seen));
  } catch {
    // a browser that keeps nothing
  }
}

const section = document.querySelector("section#verify");
if (section) new Verifier(section);
