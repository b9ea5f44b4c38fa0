// What a payload says, in words made here, in the reader's browser, from the very bytes that are to be signed.
//
// A payload that this page does not know to the last field is not put into words, and so is not signed.

const PREFIX = "application/vnd.detent.";
export const ANSWER = `${PREFIX}answer.v1+json`;
export const ORDER = `${PREFIX}order.v1+json`;
export const LEASE = `${PREFIX}lease.v1+json`;
export const CHARTER = `${PREFIX}charter.v1+toml`;

const FIELDS = {
  [ANSWER]: ["because", "candidate", "charter", "expires", "request", "root", "verdict"],
  [ORDER]: ["because", "charter", "order", "root", "size", "to"],
  [LEASE]: ["charter", "expires", "generations", "number", "petaflop", "root", "size"],
};

const VERDICTS = { approve: "YES to", deny: "NO to" };

const ORDERS = {
  pause: "PAUSE: no further generation begins; the one in progress is closed first.",
  halt: "HALT: the run stops at once, in the middle of what it does.",
  resume: "RESUME: a paused run goes on.",
  lift: "LIFT THE HALT: a halted run goes on.",
  rollback: "ROLL BACK: an earlier generation is in force again.",
};

// The payload's own words: a JSON object; of a charter, its text. Throws where it is not what its type says.
export function read(payloadType, payload) {
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(payload);
  if (payloadType === CHARTER) return text;
  const wanted = FIELDS[payloadType];
  if (!wanted) throw new Error(`a document that this page knows expected, got ${shown(payloadType)}; sign nothing`);
  const said = JSON.parse(text);
  if (Object.keys(said).sort().join() !== wanted.join()) {
    throw new Error(`the fields ${wanted.join(", ")} expected, got ${shown(Object.keys(said).join(", "))}`);
  }
  return said;
}

// Lines for a person. before: the text of the charter in force, as the server says it; for amendments.
export function words(payloadType, payload, before = "") {
  const said = read(payloadType, payload);
  switch (payloadType) {
    case ANSWER:
      return [
        `You say ${known(VERDICTS, said.verdict)} request ${shown(said.request)}.`,
        `Because: ${shown(said.because)}`,
        said.candidate ? `The candidate asked about: model ${shown(said.candidate)}` : "No candidate is asked about.",
        `The question expires: ${shown(said.expires)}`,
        `Under charter ${shown(said.charter)}, at ledger root ${shown(said.root)}.`,
      ];
    case ORDER:
      return [
        known(ORDERS, said.order),
        ...(said.to === null ? [] : [`Back to generation ${shown(said.to)}.`]),
        `Because: ${shown(said.because)}`,
        `Given at entry ${shown(said.size)} of the ledger, root ${shown(said.root)}, under charter ${shown(said.charter)}.`,
      ];
    case LEASE:
      return [
        `You grant lease ${shown(said.number)}: ${shown(said.generations)} generations, until ${shown(said.expires)}.`,
        `Compute: ${shown(said.petaflop)} petaflop (1e15 operations).`,
        `Given at entry ${shown(said.size)} of the ledger, root ${shown(said.root)}, under charter ${shown(said.charter)}.`,
      ];
    default:
      return ["You sign a charter: an amendment. What it changes of the one in force:", ...changes(before, said)];
  }
}

// Lines that one text has and the other has not, in order, as often as they are missing.
export function changes(before, after) {
  const left = tally(before);
  const right = tally(after);
  const gone = kept(before, right).map((line) => `- ${shown(line)}`);
  const come = kept(after, left).map((line) => `+ ${shown(line)}`);
  return gone.length + come.length ? [...gone, ...come] : ["no line; the order of lines may differ"];
}

// Untrusted text on one line: what does not print, or turns the direction of writing, is shown by its number.
export function shown(value) {
  return String(value).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (letter) => `\\u{${letter.codePointAt(0).toString(16)}}`);
}

function known(table, word) {
  if (!Object.hasOwn(table, word)) throw new Error(`one of ${Object.keys(table).join(", ")} expected, got ${shown(word)}`);
  return table[word];
}

function tally(text) {
  const count = new Map();
  for (const line of text.split("\n")) count.set(line, (count.get(line) ?? 0) + 1);
  return count;
}

function kept(text, others) {
  const left = new Map(others);
  return text.split("\n").filter((line) => {
    const there = left.get(line) ?? 0;
    left.set(line, there - 1);
    return there <= 0;
  });
}
