// Entries in their order: canonical JSON (RFC 8785), kinds, generations, times. What people signed is kept for signed.js.

import { utf8 } from "./notes.js";

const TIME = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$/u;
const SIGNED = ["charter/v1", "lease/v1", "order/v1", "answer/v1", "request/v1", "cosigned/v1", "enclosed/v1"];
const MOST_KEPT = 2 ** 28; // characters of what people signed; a run of 100,000 entries has some 2^22

// RFC 8785: JavaScript writes numbers and texts, and sorts keys, just so.
export function canonical(value) {
  if (typeof value === "string" && !value.isWellFormed()) throw new Error("it holds half of a character");
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${canonical(key)}:${canonical(value[key])}`).join(",")}}`;
}

export const cut = (text, most) => (String(text).length > most ? `${String(text).slice(0, most)}…` : String(text));
export const shown = (text) => cut(text, 80);

export class Reader {
  constructor(form, order) {
    this.form = form; // lists of faults
    this.order = order;
    this.kept = []; // [number, entry] of what people signed or were asked
    this.keptSize = 0;
    this.kinds = new Set();
    this.enclosed = 0;
    this.generation = 0;
    this.maybe = 0; // decisions that may lie in enclosed entries
    this.at = "";
    this.first = "";
  }

  take(number, data) {
    let entry, text;
    try {
      text = utf8(data);
      entry = JSON.parse(text);
      if (canonical(entry) !== text) throw new Error("it is not in the one form that says it (RFC 8785)");
      const named = entry !== null && typeof entry === "object" && typeof entry.kind === "string";
      if (!named || !/^[a-z_]+(\/[a-z_]+)*\/v[0-9]+$/u.test(entry.kind)) throw new Error("it has no kind");
    } catch (error) {
      const why = error instanceof SyntaxError || error instanceof RangeError ? "it is no JSON" : error.message;
      this.form.push(`entry ${number}: ${why}`);
      return;
    }
    this.kinds.add(entry.kind);
    this.#place(number, entry);
    if (number === 0 && entry.kind !== "charter/v1" && entry.kind !== "enclosed/v1") {
      this.order.push(`entry 0: the charter is expected first, not ${shown(entry.kind)}`);
    }
    if (!SIGNED.includes(entry.kind)) return;
    this.keptSize += text.length;
    if (this.keptSize <= MOST_KEPT) this.kept.push([number, entry]);
  }

  get tooMuch() {
    return this.keptSize > MOST_KEPT;
  }

  #place(number, entry) {
    if (typeof entry.at !== "string" || !TIME.test(entry.at) || Number.isNaN(Date.parse(entry.at))) {
      this.order.push(`entry ${number}: its time is none: ${shown(entry.at)}`);
    } else if (entry.at < this.at) {
      this.order.push(`entry ${number}: its time ${entry.at} is before ${this.at}, that of an entry before it`);
    } else {
      this.first ||= entry.at;
      this.at = entry.at;
    }
    const ahead = entry.generation - this.generation;
    if (!Number.isInteger(ahead) || ahead < 0 || ahead > this.maybe) {
      const wanted = `generation ${this.generation}`;
      this.order.push(`entry ${number}: ${entry.kind} belongs to ${wanted}, and says ${shown(entry.generation)}`);
    } else if (ahead > 0) {
      this.generation = entry.generation;
      this.maybe = 0;
    }
    if (entry.kind === "enclosed/v1") {
      this.enclosed++;
      this.maybe++;
    } else if (entry.kind === "decision/v1" && Number.isInteger(entry.generation)) {
      this.generation++;
    }
  }
}
