// The Merkle tree (RFC 6962, section 2.1) and how it lies in files (C2SP tlog-tiles), in the reader's own browser.
//
//   const tree = new Tree(leaves);          // leaves: Uint8Array of 32 bytes a leaf hash
//   tree.root(5)                            // root over the first 5
//
// SHA-256 stands here once more, since a browser's own is asynchronous: a call for each of some 100,000 hashes of 65 bytes
// takes seconds. Tests hold it against Python's.

export const HASH = 32;
export const WIDTH = 256; // hashes in a full tile, entries in a full bundle

const K = new Uint32Array(64);
const START = new Uint32Array(8);
const W = new Uint32Array(64);

// FIPS 180-4, sections 4.2.2 and 5.3.3: first 32 bits of the fractional parts of the roots of the first primes.
for (let n = 2, found = 0; found < 64; n++) {
  let prime = true;
  for (let d = 2; d * d <= n; d++) if (n % d === 0) prime = false;
  if (!prime) continue;
  if (found < 8) START[found] = (Math.sqrt(n) % 1) * 2 ** 32;
  K[found++] = (Math.cbrt(n) % 1) * 2 ** 32;
}

function block(state, data, at) {
  for (let i = 0; i < 16; i++, at += 4) {
    W[i] = (data[at] << 24) | (data[at + 1] << 16) | (data[at + 2] << 8) | data[at + 3];
  }
  for (let i = 16; i < 64; i++) {
    const p = W[i - 15], q = W[i - 2];
    const s0 = ((p >>> 7) | (p << 25)) ^ ((p >>> 18) | (p << 14)) ^ (p >>> 3);
    const s1 = ((q >>> 17) | (q << 15)) ^ ((q >>> 19) | (q << 13)) ^ (q >>> 10);
    W[i] = (W[i - 16] + s0 + W[i - 7] + s1) | 0;
  }
  let a = state[0], b = state[1], c = state[2], d = state[3];
  let e = state[4], f = state[5], g = state[6], h = state[7];
  for (let i = 0; i < 64; i++) {
    const S1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + S1 + ((e & f) ^ (~e & g)) + K[i] + W[i]) | 0;
    const S0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (S0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
  }
  state[0] += a; state[1] += b; state[2] += c; state[3] += d;
  state[4] += e; state[5] += f; state[6] += g; state[7] += h;
}

// SHA-256 of `prefix` (one byte, or -1 for none) and the data.
function digest(prefix, data) {
  const lead = prefix < 0 ? 0 : 1;
  const total = lead + data.length;
  const padded = new Uint8Array((((total + 8) >>> 6) + 1) << 6);
  if (lead) padded[0] = prefix;
  padded.set(data, lead);
  padded[total] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(total / 2 ** 29));
  view.setUint32(padded.length - 4, total << 3);
  const state = START.slice();
  for (let at = 0; at < padded.length; at += 64) block(state, padded, at);
  const out = new Uint8Array(HASH);
  const words = new DataView(out.buffer);
  for (let i = 0; i < 8; i++) words.setUint32(4 * i, state[i]);
  return out;
}

export const sha256 = (data) => digest(-1, data);
export const leafHash = (entry) => digest(0, entry);
export const nodeHash = (pair) => digest(1, pair); // both hashes, one after the other

export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

export function same(one, other) {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

export class Tree {
  constructor(leaves) {
    this.size = leaves.length / HASH;
    this.rows = [leaves]; // rows[h]: the roots over 2^h leaves each, as far as they are complete
    for (let row = leaves; row.length >= 2 * HASH; ) {
      const above = new Uint8Array(Math.floor(row.length / (2 * HASH)) * HASH);
      for (let at = 0; at < above.length; at += HASH) above.set(nodeHash(row.subarray(2 * at, 2 * at + 2 * HASH)), at);
      this.rows.push(above);
      row = above;
    }
  }

  root(size = this.size) {
    if (size === 0) return sha256(new Uint8Array(0));
    let root = null;
    for (let height = 0, left = size; left > 0; height++, left = Math.floor(left / 2)) {
      if (left % 2 === 0) continue;
      const at = (left - 1) * HASH;
      const peak = this.rows[height].subarray(at, at + HASH);
      root = root === null ? peak : nodeHash(joined(peak, root));
    }
    return root;
  }

  // What the file of that tile must hold.
  tile(level, index, width) {
    const row = this.rows[8 * level] ?? new Uint8Array(0);
    return row.subarray(index * WIDTH * HASH, (index * WIDTH + width) * HASH);
  }
}

function joined(left, right) {
  const pair = new Uint8Array(2 * HASH);
  pair.set(left);
  pair.set(right, HASH);
  return pair;
}

// [level or "entries", index, width] of every file of a tree of that size.
export function* files(size) {
  yield* pieces("entries", size);
  for (let level = 0, left = size; left > 0; level++, left = Math.floor(left / WIDTH)) yield* pieces(level, left);
}

function* pieces(kind, total) {
  const whole = Math.floor(total / WIDTH);
  for (let index = 0; index < whole; index++) yield [kind, index, WIDTH];
  if (total % WIDTH) yield [kind, whole, total % WIDTH];
}

export function path(kind, index, width) {
  let number = String(index % 1000).padStart(3, "0");
  for (let left = Math.floor(index / 1000); left > 0; left = Math.floor(left / 1000)) {
    number = `x${String(left % 1000).padStart(3, "0")}/${number}`;
  }
  return `tile/${kind}/${number}${width === WIDTH ? "" : `.p/${width}`}`;
}

// The entries of a bundle's bytes. The Error says what is wrong, and has those that could be read as `entries`.
export function unpack(data, width) {
  const refuse = (why) => {
    throw Object.assign(new Error(why), { entries });
  };
  const entries = [];
  let at = 0;
  while (at < data.length) {
    const start = at + 2;
    at = start + ((data[at] << 8) | data[at + 1]);
    if (start > data.length || at > data.length) refuse(`its entry ${entries.length} is cut off`);
    entries.push(data.subarray(start, at));
  }
  if (entries.length !== width) refuse(`it holds ${entries.length} entries, not ${width}`);
  return entries;
}
