// What people signed, each where it stands: charters, leases, orders, answers, and what witnesses cosigned on the ledger.
//
// Charters are TOML and name their own stewards; each amendment is signed by a quorum of the charter before it and of itself.
// What an amendment may change, what a hold forbids, and whether the charter's limits were kept is for `detent verify`.

import { canonical, shown } from "./entries.js";
import { hex, sha256 } from "./merkle.js";
import {
  bytes, cosignedBy, isMlDsa, parseCheckpoint, parseEnvelope, parseKey, parseNote, sameBytes, signedBy, signersOf, utf8,
} from "./notes.js";
import { parseToml } from "./toml.js";

const TYPE = (name, form) => `application/vnd.detent.${name}.v1+${form}`;
const STARTS = ["resume", "lift", "rollback"];
const SIGNERS = ["steward", "operator", "approver", "safety", "auditor"];

const fail = (why) => {
  throw new Error(why);
};

// A charter's stewards and rules, of its text.
export function readCharter(payload) {
  const toml = parseToml(utf8(payload));
  const { quorum, keys = [], recovery = "", roles, rules = {} } = toml.stewards ?? {};
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === "string")) fail("its stewards' keys are no keys");
  const stewards = keys.map(parseKey);
  const distinct = new Set(stewards.flatMap((key) => [`name ${key.name}`, `key ${hex(key.public)}`]));
  if (distinct.size !== 2 * stewards.length) fail("it names a steward or a key twice");
  if (!stewards.every((key) => key.type === 1)) fail("a steward's key is not of Ed25519");
  if (!Number.isInteger(quorum) || quorum < 1 || quorum > stewards.length) fail("its quorum is none of its stewards");
  const witnesses = [];
  for (const line of String(toml.witnesses?.policy ?? "").split("\n")) {
    const words = line.replace(/#.*/u, "").trim().split(/\s+/u);
    if (words[0] === "witness" && words[2]) witnesses.push(parseKey(words[2]));
  }
  return {
    version: toml.version ?? 1, digest: hex(sha256(payload)), quorum, stewards, rules, witnesses,
    recovery: recovery ? [parseKey(recovery)] : [],
    largest: toml.pace?.lease ?? {},
    holders: (signer) => (signer === "steward" || !roles ? stewards.map((key) => key.name) : (roles[signer] ?? [])),
  };
}

// Throws unless those who signed are as many of each role as the charter's rule for the act asks.
function meets(charter, act, signed, approvers = 0) {
  let needs = act === "stop" ? { steward: 1 } : charter.rules[act];
  if (!needs || Object.keys(needs).length === 0) needs = { steward: charter.quorum };
  if ((needs.approver ?? 0) < approvers) needs = { ...needs, approver: approvers };
  for (const [signer, number] of Object.entries(needs)) {
    if (!SIGNERS.includes(signer) || !Number.isInteger(number) || number < 1) fail("the charter's rule for it is none");
    const count = new Set(charter.holders(signer).filter((name) => signed.includes(name))).size;
    if (count < number) fail(`signed by ${count} of the ${number} that it takes (${signer}), by the charter in force`);
  }
}

const differs = (entry, payload, fields) => {
  for (const field of fields) {
    if (canonical(entry[field]) !== canonical(payload[field])) {
      fail(`it says ${field} ${shown(entry[field])}, and was signed as ${shown(payload[field])}`);
    }
  }
};

export class People {
  constructor(tree, logKey) {
    this.tree = tree;
    this.logKey = logKey;
    this.charter = null;
    this.behind = false; // whether a charter may lie in an enclosed entry, which nobody shows here
    this.used = new Set();
    this.request = null;
    this.counts = { charter: 0, lease: 0, order: 0, answer: 0, cosigned: 0 };
    this.faults = [];
    this.unchecked = [];
  }

  async take(number, entry) {
    const kind = entry.kind.split("/")[0];
    if (kind === "enclosed") {
      this.behind = true;
      return;
    }
    if (kind === "request") {
      this.request = { number, entry };
      return;
    }
    this.counts[kind]++;
    try {
      if (kind === "cosigned") await this.#cosigned(number, entry);
      else await this.#envelope(number, entry, kind);
    } catch (error) {
      const said = `entry ${number}: the ${kind}: ${error.message}`;
      (error.unchecked ? this.unchecked : this.faults).push(said);
    }
  }

  async #envelope(number, entry, kind) {
    const envelope = parseEnvelope(entry.envelope);
    const type = TYPE(kind, kind === "charter" ? "toml" : "json");
    if (envelope.type !== type) fail(`its envelope is of the type ${shown(envelope.type)}, not ${type}`);
    const digest = hex(sha256(envelope.payload));
    if (this.used.has(digest)) fail("what was signed there stands on the ledger already, and counts once");
    this.used.add(digest);
    if (kind === "charter") return this.#amended(entry, envelope);
    if (!this.charter) this.#unknown("there is no charter before it that could be read");
    const text = utf8(envelope.payload);
    const payload = JSON.parse(text);
    if (canonical(payload) !== text) fail("what was signed is not in canonical form");
    if (payload.charter !== this.charter.digest) {
      const other = `it was signed under the charter ${shown(payload.charter)}, not the one in force`;
      if (this.behind) this.#unknown(`${other}; that may lie in an enclosed entry`);
      fail(other);
    }
    const signed = await signersOf(envelope, this.charter.stewards);
    this[kind](number, entry, payload, signed);
    if (kind !== "lease") differs(entry, { signers: signed }, ["signers"]);
  }

  #unknown(why) {
    throw Object.assign(new Error(why), { unchecked: true });
  }

  async #amended(entry, envelope) {
    let after;
    try {
      after = readCharter(envelope.payload);
    } catch (error) {
      this.charter = null; // this page may read less of TOML than the run: what follows is not judged by the one before
      this.#unknown(`it could not be read here: ${error.message}`);
    }
    const before = this.charter;
    const behind = this.behind;
    if (entry.digest !== after.digest) fail(`its entry says the digest ${shown(entry.digest)}, and it has ${after.digest}`);
    if (entry.version !== after.version) fail(`its entry says version ${shown(entry.version)}, and it is ${after.version}`);
    if (!before && (this.counts.charter > 1 || behind)) {
      this.charter = after;
      this.#unknown("the charter before it could not be read");
    }
    if (before && behind && after.version > before.version + 1) {
      this.charter = after;
      this.#unknown("the charter before it may lie in an enclosed entry");
    }
    const wanted = before ? before.version + 1 : 1;
    if (after.version !== wanted) fail(`version ${wanted} was expected, and it is version ${shown(after.version)}`);
    const recovered = before && (await signersOf(envelope, before.recovery)).length > 0;
    if (before && !recovered) this.#quorum(before, await signersOf(envelope, before.stewards), "in force before it");
    this.#quorum(after, await signersOf(envelope, after.stewards), "that it names");
    this.charter = after;
    this.behind = false;
  }

  #quorum(charter, signed, whose) {
    if (signed.length < charter.quorum) {
      fail(`signed by ${signed.length} of the ${charter.quorum} stewards ${whose} that it takes`);
    }
  }

  #seen(payload, most) {
    const { size, root } = payload;
    if (!Number.isInteger(size) || size < 1 || size > most || hex(this.tree.root(size)) !== root) {
      fail(`it was given in sight of a ledger of ${shown(size)} entries that this one does not begin with`);
    }
  }

  lease(number, entry, payload, signed) {
    differs(entry, payload, ["number", "generations", "expires", "petaflop"]);
    meets(this.charter, "lease", signed);
    this.#seen(payload, number);
    const wanted = this.counts.lease;
    if (payload.number !== wanted) fail(`lease ${wanted} was expected, and it is lease ${shown(payload.number)}`);
    const hours = (Date.parse(payload.expires) - Date.parse(entry.at)) / 3.6e6;
    const { generations, hours: longest, petaflop } = this.charter.largest;
    if (!(hours > 0)) fail("it had expired when it was written down");
    if (payload.generations > generations || hours > longest || payload.petaflop > petaflop) {
      fail("it grants more than the charter lets anyone grant at once");
    }
  }

  order(number, entry, payload, signed) {
    differs(entry, payload, ["order", "to", "because"]);
    const act = { pause: "stop", halt: "stop", resume: "resume", rollback: "rollback", lift: "lift" }[payload.order];
    if (!act) fail(`there is no order ${shown(payload.order)}`);
    meets(this.charter, act, signed);
    if (STARTS.includes(payload.order)) this.#seen(payload, number);
  }

  answer(number, entry, payload, signed) {
    differs(entry, payload, ["request", "verdict", "because"]);
    if (!["approve", "deny"].includes(payload.verdict)) fail("it says neither yes nor no");
    const asked = this.request;
    if (!asked || asked.entry.number !== payload.request) fail(`request ${shown(payload.request)} was not the last one asked`);
    differs(asked.entry, payload, ["candidate", "expires"]);
    if (hex(this.tree.root(asked.number + 1)) !== payload.root) fail("it answers a question that stood on another ledger");
    if (!(entry.at < asked.entry.expires)) fail(`it came when the request had ended, at ${shown(asked.entry.expires)}`);
    const yes = payload.verdict === "approve";
    meets(this.charter, yes ? "approve" : "stop", signed, yes ? asked.entry.approvers : 0);
  }

  async #cosigned(number, entry) {
    const note = parseNote(bytes(entry.note));
    const { size, root } = parseCheckpoint(note.text);
    if (size !== entry.size || size > number) fail(`it is of ${size} entries, and stands as entry ${number}`);
    if (!sameBytes(this.tree.root(size), root)) fail(`it is of ${size} entries that this ledger does not begin with`);
    if ((await signedBy(note, this.logKey)) !== "yes") fail("the log's key did not sign it");
    if (!this.charter) this.#unknown("the witnesses' keys are not known");
    const { verified, wrong } = await cosignedBy(note, this.charter.witnesses);
    if (wrong.length) fail(`the cosignature of ${shown(wrong.join(", "))} does not verify`);
    const quantum = note.lines.filter((line) => line.mlDsa).map((line) => line.name);
    if (!verified.length && quantum.length) this.#unknown(`only ML-DSA lines (${shown(quantum.join(", "))}), not verified here`);
    if (!verified.length) fail("no witness of the charter in force cosigned it");
  }

  get stewards() {
    return this.charter ? this.charter.stewards.map((key) => key.text) : [];
  }

  get witnessKeys() {
    return this.charter ? this.charter.witnesses.filter((key) => !isMlDsa(key)) : [];
  }
}
