// The record, verified beside the page: fetches a ledger's files, computes everything again, and reports as it goes.
//
// In: {base, key, patience, earlier, remembered}. Out: {progress: [done, of, what]} and at the end {result: {outcome, findings, seen}}.
// A finding: {name, status: "right" | "wrong" | "open" | "note", said, faults}. Nothing here touches the page.

import { Reader, cut, shown } from "./entries.js";
import { Host, ahead } from "./fetching.js";
import { HASH, Tree, WIDTH, files, hex, leafHash, path, same, unpack } from "./merkle.js";
import { bytes, cosignedBy, parseCheckpoint, parseKey, parseNote, signedBy, utf8, whyNoSignatures } from "./notes.js";
import { People } from "./signed.js";

const LARGEST_NOTE = 1_000_000;
const LARGEST_BUNDLE = WIDTH * (2 + 65_535);
const MOST_ENTRIES = 2_000_000; // what a browser's memory takes
const MOST_FAULTS = 20; // shown of one check
const MOST_MISSING = 8; // files, after which no more are asked for

const say = (count, noun) => `${count.toLocaleString("en")} ${count === 1 ? noun : noun.replace(/y$/u, "ie")}${count === 1 ? "" : "s"}`;

class Verification {
  constructor(job) {
    this.job = job;
    this.host = new Host(job.base, job.patience);
    this.findings = [];
    this.seen = null; // what to remember, once all is right
  }

  tell(name, said, faults, status = faults.length ? "wrong" : "right") {
    const more = faults.length - MOST_FAULTS;
    const listed = more > 0 ? [...faults.slice(0, MOST_FAULTS), `and ${more} more`] : faults;
    this.findings.push({ name, status, said, faults: listed });
  }

  async run() {
    this.noSignatures = await whyNoSignatures();
    try {
      await this.readHead();
      if (this.head) await this.readAll();
    } catch (error) {
      this.tell("this page", "the verification could not be finished", [`${error.message}`]);
    }
    this.tellRest();
    const has = (status) => this.findings.some((finding) => finding.status === status);
    const outcome = has("wrong") ? "wrong" : has("open") ? "undecided" : "passed";
    return { outcome, findings: this.findings, seen: outcome === "wrong" ? null : this.seen };
  }

  async readKey() {
    if (this.job.key.trim()) return parseKey(this.job.key);
    const data = await this.host.get("../log.vkey", 4096, "no-store");
    if (data === null) throw new Error("the host has no log.vkey; enter the key by hand");
    this.tell("key", "the log's key came from the same host as the ledger: compare it with what somebody you believe tells you", [], "note");
    return parseKey(utf8(data));
  }

  async readHead() {
    const faults = [];
    let said = "the checkpoint is signed by the log's key";
    try {
      this.key = await this.readKey();
      if (this.key.type !== 1) throw new Error(`the log's key is of Ed25519 (type 1), and this one of type ${this.key.type}`);
    } catch (error) {
      this.tell("checkpoint", said, [`the key: ${error.message}`]);
      return;
    }
    try {
      const data = await this.host.get("checkpoint", LARGEST_NOTE, "no-store");
      if (data === null) throw new Error("the host has none");
      this.note = parseNote(data);
      this.head = parseCheckpoint(this.note.text);
      const { origin, size, root } = this.head;
      said = `the checkpoint of ${shown(origin)}, ${say(size, "entry")} under the root ${hex(root)}, is signed by ${cut(this.key.text, 300)}`;
      if (this.head.origin !== this.key.name) faults.push(`it is of ${shown(origin)}, and the key is of ${shown(this.key.name)}`);
      if (!this.noSignatures) {
        const signed = await signedBy(this.note, this.key);
        const names = this.note.lines.map((line) => `${line.name}+${line.id}`).join(", ");
        if (signed === "wrong") faults.push("the signature by that key does not verify");
        if (signed === "no") faults.push(`that key did not sign it; these claim to have: ${shown(names)}`);
      }
      if (size > MOST_ENTRIES) {
        faults.push(`${size} entries are more than a browser can take; use detent verify`);
        this.head = null;
      }
    } catch (error) {
      faults.push(`checkpoint: ${error.message}`);
      this.head = null;
    }
    this.tell("checkpoint", said, faults);
    if (this.noSignatures) this.tell("signatures", `no signature was checked: ${this.noSignatures}`, [], "open");
  }

  async readAll() {
    await this.readBundles();
    if (!this.ended) await this.readUpperTiles();
    this.tellTree();
    await this.checkPeople();
    await this.checkWitnesses();
    await this.checkEarlier();
  }

  // Entries and the lowest tiles, side by side; what a bundle lacks its tile's hashes stand in for.
  async readBundles() {
    const { size } = this.head;
    this.leaves = new Uint8Array(size * HASH);
    this.low = new Uint8Array(size * HASH); // as the tiles have them
    Object.assign(this, { absent: [], entryFaults: [], tileFaults: [], missing: 0, ended: false });
    this.reader = new Reader([], []);
    const bundles = [...files(size)].filter(([kind]) => kind === "entries");
    const both = ([, index, width]) => Promise.all([this.file("entries", index, width), this.file(0, index, width)]);
    // The edge first: whether there is anything of that size at all.
    const [edge] = await Promise.all([bundles.at(-1)].filter(Boolean).map(both));
    if (edge && edge.every((file) => file.why)) {
      this.absent.push(`the checkpoint is of ${say(size, "entry")}, and what it ends with is not there: ${edge[0].why}`);
      this.ended = true;
      return;
    }
    for await (const [[, index, width], promise] of ahead(bundles, both)) {
      const [bundle, tile] = await promise;
      this.takeBundle(index, width, bundle, tile);
      if (this.missing > MOST_MISSING) {
        this.absent.push("so much is missing that no more was asked for");
        this.ended = true;
        return;
      }
      postMessage({ progress: [Math.min(size, (index + 1) * WIDTH), size, "entries hashed"] });
    }
  }

  // {name, data, why}: the partial file, or the full one that has taken its place.
  async file(kind, index, width) {
    const name = path(kind, index, width);
    const most = kind === "entries" ? LARGEST_BUNDLE : WIDTH * HASH;
    try {
      const data = await this.host.get(name, most);
      if (data !== null) return { name, width, data };
      const full = width < WIDTH ? path(kind, index, WIDTH) : name;
      const whole = width < WIDTH ? await this.host.get(full, most) : null;
      if (whole !== null) return { name: full, width: WIDTH, data: whole };
      return { name, why: `${name}: the host has no such file` };
    } catch (error) {
      return { name, why: `${name}: ${error.message}` };
    }
  }

  takeBundle(index, width, bundle, tile) {
    const first = index * WIDTH;
    let hashes = null;
    if (tile.why || tile.data.length !== tile.width * HASH) {
      this.tileFaults.push(tile.why ?? `${tile.name}: it has ${tile.data.length} bytes, not ${tile.width * HASH}`);
      if (tile.why) this.missing++;
    } else {
      hashes = tile.data.subarray(0, width * HASH);
      this.low.set(hashes, first * HASH);
    }
    let entries = [];
    if (bundle.why) {
      this.missing++;
      this.absent.push(bundle.why);
    } else {
      try {
        entries = unpack(bundle.data, bundle.width).slice(0, width);
      } catch (error) {
        this.absent.push(`${bundle.name}: ${error.message}`);
        entries = error.entries.slice(0, width);
      }
    }
    if (hashes) this.leaves.set(hashes, first * HASH);
    for (let at = 0; at < entries.length; at++) {
      const hash = leafHash(entries[at]);
      const place = (first + at) * HASH;
      if (hashes && !same(hash, this.leaves.subarray(place, place + HASH))) this.entryFaults.push(first + at);
      this.leaves.set(hash, place);
      this.reader.take(first + at, entries[at]);
    }
    if (!hashes) this.low.set(this.leaves.subarray(first * HASH, (first + width) * HASH), first * HASH);
  }

  async readUpperTiles() {
    this.tree = new Tree(this.leaves);
    this.entriesRight = same(this.tree.root(), this.head.root);
    this.lowTree = this.entryFaults.length ? new Tree(this.low) : this.tree;
    this.tilesRight = same(this.lowTree.root(), this.head.root);
    if (!this.entriesRight && this.tilesRight) this.tree = this.lowTree; // what was signed, without its entries
    const upper = [...files(this.head.size)].filter(([kind]) => kind !== "entries" && kind > 0);
    for await (const [[level, index, width], promise] of ahead(upper, (job) => this.file(...job))) {
      const tile = await promise;
      const wanted = this.tree.tile(level, index, width);
      if (tile.why) this.tileFaults.push(tile.why);
      else if (tile.data.length !== tile.width * HASH) this.tileFaults.push(`${tile.name}: it has ${tile.data.length} bytes, not ${tile.width * HASH}`);
      else if (!same(tile.data.subarray(0, wanted.length), wanted)) this.tileFaults.push(`${tile.name}: its hashes are not those of what lies below it`);
    }
  }

  tellTree() {
    const { size, root } = this.head;
    const faults = [...this.absent];
    const tiles = [...this.tileFaults];
    for (const number of this.entryFaults) {
      const tile = path(0, Math.floor(number / WIDTH), Math.min(WIDTH, size - Math.floor(number / WIDTH) * WIDTH));
      if (this.entriesRight) tiles.push(`${tile}: the hash of entry ${number} is not that entry's`);
      else if (this.tilesRight) faults.push(`entry ${number}: it is not the one that was signed`);
      else faults.push(`entry ${number}: it and its hash in ${tile} do not go together`);
    }
    if (!this.ended && !this.entriesRight && !this.tilesRight) {
      faults.push(`the root ${hex(root)} is signed, and these entries lead to ${hex(this.tree.root())}: entries were added, removed or changed`);
    }
    const read = this.ended ? "not all entries could be read" : `${say(size, "entry")} hashed here lead to the signed root`;
    this.tell("entries", read, faults);
    if (this.ended) return;
    this.tell("tiles", "every hash tile of that size was computed again, and has these bytes", tiles);
    const { form, order, kinds, enclosed, first, at, generation } = this.reader;
    this.tell("form", `each entry is canonical JSON (RFC 8785), of ${say(kinds.size, "kind")}`, form);
    this.tell("order", `times never go back, ${first || "never"} to ${at || "never"}; generations follow one another, up to ${generation}`, order);
    if (enclosed) this.tell("enclosed", `the bytes of ${say(enclosed, "entry")} that are too large for a ledger are not public, and were not read; their hashes are on the ledger`, [], "note");
  }

  async checkPeople() {
    if (this.ended) return;
    if (this.reader.tooMuch) {
      this.tell("people", "what people signed is more than a browser can take", [], "open");
    }
    this.people = new People(this.tree, this.key);
    if (this.noSignatures || this.reader.tooMuch) return;
    let done = 0;
    for (const [number, entry] of this.reader.kept) {
      await this.people.take(number, entry);
      if (++done % 50 === 0) postMessage({ progress: [done, this.reader.kept.length, "signed entries checked"] });
    }
    const { charter, lease, order, answer } = this.people.counts;
    if (!charter) this.people.faults.push("there is no charter on the ledger");
    const said = `${say(charter, "charter")}, ${say(lease, "lease")}, ${say(order, "order")} and ${say(answer, "answer")} are signed as the charter in force there asks; stewards of the newest: ${this.people.stewards.map(shown).join(", ") || "unknown"}`;
    this.tell("people", said, this.people.faults);
    if (this.people.unchecked.length) this.tell("people", "not all that people signed could be checked here", this.people.unchecked, "open");
  }

  async checkWitnesses() {
    const notes = [["checkpoint", this.note]];
    const faults = [], mlDsa = new Set(), who = new Set();
    try {
      const data = await this.host.get("cosigned", LARGEST_NOTE, "no-store");
      if (data !== null) notes.push(["cosigned", parseNote(data)]);
    } catch (error) {
      faults.push(`cosigned: ${error.message}`);
    }
    for (const [name, note] of notes) {
      note.lines.filter((line) => line.mlDsa).forEach((line) => mlDsa.add(line.name));
      if (this.noSignatures || !this.people) continue;
      const { verified, wrong } = await cosignedBy(note, this.people.witnessKeys);
      wrong.forEach((witness) => faults.push(`${name}: the cosignature of ${shown(witness)} does not verify`));
      verified.forEach((witness) => who.add(witness));
      if (name === "cosigned") faults.push(...(await this.headFaults(note, name, true)));
    }
    const counted = this.people ? this.people.counts.cosigned : 0;
    const said = who.size ? `cosigned by ${[...who].map(shown).join(", ")}, whose keys the charter names` : "no witness of the charter cosigned these heads";
    this.tell("witnesses", `${said}; ${say(counted, "cosigned head")} on the ledger`, faults, faults.length ? "wrong" : who.size || counted ? "right" : "note");
    if (mlDsa.size) this.tell("ml-dsa", `${say(mlDsa.size, "signature")} by ML-DSA-44, which browsers do not know, not checked here: ${[...mlDsa].map(shown).join(", ")}`, [], "note");
  }

  // What is wrong with an earlier (or cosigned) head of this log.
  async headFaults(note, name, mayBeNewer = false) {
    const head = parseCheckpoint(note.text);
    if (head.origin !== this.head.origin) return [`${name}: it is of another log, ${shown(head.origin)}`];
    if ((await signedBy(note, this.key)) !== "yes") return [`${name}: the log's key did not sign it, so it shows nothing`];
    if (head.size > this.head.size && mayBeNewer) return []; // written while this page was reading
    return this.rootFaults(name, head.size, hex(head.root));
  }

  rootFaults(name, size, root) {
    if (size > this.head.size) return [`${name}: it is of ${say(size, "entry")}, and the ledger has ${this.head.size} now: it was set back`];
    if (this.ended) return [`${name}: it could not be compared, since entries are missing`];
    const now = hex(this.tree.root(size));
    if (now === root) return [];
    return [`${name}: its ${say(size, "entry")} had the root ${root}, and the first ${size} of this ledger have ${now}: history was rewritten. Keep both checkpoints`];
  }

  async checkEarlier() {
    const { remembered, earlier } = this.job;
    if (remembered) {
      const { size, root, origin, key, at } = remembered;
      const faults = [];
      if (origin !== this.head.origin) faults.push(`it was the log ${shown(origin)}, and is ${shown(this.head.origin)} now`);
      else if (key !== this.key.text) faults.push(`it was signed by ${shown(key)}, and is verified by ${shown(this.key.text)} now`);
      faults.push(...this.rootFaults("what this browser saw before", size, root));
      this.tell("earlier", `continues the ${say(size, "entry")} that this browser saw ${shown(at)}`, faults);
    } else {
      this.tell("earlier", "this browser has not seen this ledger before, so it cannot tell whether it was rewritten", [], "note");
    }
    if (earlier.trim()) {
      let faults;
      try {
        faults = this.noSignatures ? [this.noSignatures] : await this.headFaults(parseNote(bytes(`${earlier.trim()}\n`)), "the checkpoint you gave");
      } catch (error) {
        faults = [`the checkpoint you gave: ${error.message}`];
      }
      this.tell("given", "continues the checkpoint that you gave", faults);
    }
    this.seen = { origin: this.head.origin, key: this.key.text, size: this.head.size, root: hex(this.head.root) };
  }

  tellRest() {
    const rest = "gates, budgets, seeds, lineage, models, data, what amendments may change, and partial tiles of smaller sizes";
    this.tell("rest", `not checked here: ${rest}. detent verify checks them, with a program that did not come from this host`, [], "note");
  }
}

onmessage = async ({ data }) => {
  postMessage({ result: await new Verification(data).run() });
};
