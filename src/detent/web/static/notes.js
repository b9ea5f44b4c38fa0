// Signed notes, checkpoints, cosignatures (C2SP signed-note, tlog-checkpoint, tlog-cosignature) and DSSE envelopes.
// Everything is read as if an attacker had written it; what is wrong is thrown as an Error whose message is a clause.

import { hex, same, sha256 } from "./merkle.js";

const ED25519 = 1, COSIGNATURE = 4, ML_DSA = 6;
const ML_DSA_BYTES = 4 + 8 + 2420; // key id, time, signature
const MOST_SIGNATURES = 100;

export const bytes = (text) => new TextEncoder().encode(text);

export function utf8(data) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    throw new Error("it is not UTF-8");
  }
}

// Of its one spelling: else a note could be changed and would still verify.
export function base64(text) {
  let data;
  try {
    data = atob(text);
  } catch {
    throw new Error("it holds base64 that cannot be read");
  }
  if (btoa(data) !== text) throw new Error("it holds base64 that is not canonical");
  return Uint8Array.from(data, (c) => c.charCodeAt(0));
}

const btoaBytes = (data) => btoa(Array.from(data, (byte) => String.fromCharCode(byte)).join(""));

// A verify key `name+id+base64`: {name, id, type, public, text}.
export function parseKey(text) {
  const parts = /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/u.exec(text.trim());
  if (!parts) throw new Error("a verify key is written name+hash+base64");
  const typed = base64(parts[3]);
  const key = { name: parts[1], id: parts[2], type: typed[0], public: typed.subarray(1), text: text.trim() };
  if (keyId(key.name, typed) !== key.id) throw new Error("the key's hash is not that of its name and bytes");
  if ((key.type === ED25519 || key.type === COSIGNATURE) && key.public.length !== 32) {
    throw new Error("an Ed25519 key has 32 bytes");
  }
  return key;
}

const keyId = (name, typed) => hex(sha256(new Uint8Array([...bytes(name), 10, ...typed])).subarray(0, 4));

export function parseNote(data) {
  const note = utf8(data);
  if (/[\u0000-\u0009\u000b-\u001f]/u.test(note)) throw new Error("it holds control characters");
  const cut = note.lastIndexOf("\n\n");
  if (cut < 1 || !note.endsWith("\n")) throw new Error("it is no signed note");
  const lines = note.slice(cut + 2, -1).split("\n").map((line) => {
    const parts = /^\u2014 ([^+\s]+) ([A-Za-z0-9+/]+={0,2})$/u.exec(line);
    if (!parts) throw new Error("a line of it is no signature line");
    const blob = base64(parts[2]);
    if (blob.length <= 4) throw new Error("a signature of it is too short");
    return { name: parts[1], id: hex(blob.subarray(0, 4)), signature: blob.subarray(4), mlDsa: blob.length === ML_DSA_BYTES };
  });
  if (lines.length > MOST_SIGNATURES) throw new Error(`it has more than ${MOST_SIGNATURES} signatures`);
  return { text: note.slice(0, cut + 1), lines };
}

// {origin, size, root} of a note's text.
export function parseCheckpoint(text) {
  const parts = /^([^\n]+)\n(0|[1-9][0-9]{0,14})\n([^\n]+)\n$/u.exec(text);
  if (!parts) throw new Error("it is no checkpoint of three lines");
  const root = base64(parts[3]);
  if (root.length !== 32) throw new Error("its root is no hash");
  return { origin: parts[1], size: Number(parts[2]), root };
}

const imported = new Map();

// Why this browser verifies no signature, "" where it does. RFC 8032, section 7.1, test 1.
export async function whyNoSignatures() {
  if (!globalThis.crypto?.subtle) return "signatures are verified on pages over https or from this machine only";
  try {
    await verifyBytes(base64("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="), new Uint8Array(64), new Uint8Array(0));
    return "";
  } catch {
    return "this browser does not know Ed25519; a newer one does";
  }
}

async function verifyBytes(key, signature, message) {
  const name = hex(key);
  if (!imported.has(name)) {
    if (imported.size > 1000) imported.clear();
    imported.set(name, await crypto.subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"]));
  }
  return crypto.subtle.verify({ name: "Ed25519" }, imported.get(name), signature, message);
}

export async function verifies(key, signature, message) {
  try {
    return signature.length === 64 && (await verifyBytes(key.public, signature, message));
  } catch {
    return false; // bytes that are no key
  }
}

// Whether the log's key signed the note. A wrong line in its name spoils the whole note, as signed-note asks.
export async function signedBy(note, key) {
  const own = note.lines.filter((line) => line.name === key.name && line.id === key.id);
  for (const line of own) if (!(await verifies(key, line.signature, bytes(note.text)))) return "wrong";
  return own.length ? "yes" : "no";
}

// Lines by these witnesses' keys: {verified: [name], wrong: [name]}. A message is bound to its time.
export async function cosignedBy(note, keys) {
  const verified = [], wrong = [];
  for (const line of note.lines) {
    const key = keys.find((one) => one.type === COSIGNATURE && one.name === line.name && one.id === line.id);
    if (!key) continue;
    const time = new DataView(line.signature.buffer, line.signature.byteOffset).getBigUint64(0);
    const message = bytes(`cosignature/v1\ntime ${time}\n${note.text}`);
    ((await verifies(key, line.signature.subarray(8), message)) ? verified : wrong).push(line.name);
  }
  return { verified: [...new Set(verified)], wrong: [...new Set(wrong)] };
}

export const isMlDsa = (key) => key.type === ML_DSA;

// A DSSE envelope: {type, payload, signatures: [{keyid, sig}]}.
export function parseEnvelope(text) {
  let envelope;
  try {
    envelope = JSON.parse(text);
  } catch {
    throw new Error("its envelope is no JSON");
  }
  const { payload, payloadType, signatures } = envelope ?? {};
  if (typeof payload !== "string" || typeof payloadType !== "string" || !Array.isArray(signatures)) {
    throw new Error("its envelope is no DSSE envelope");
  }
  if (signatures.length > MOST_SIGNATURES) throw new Error(`its envelope has more than ${MOST_SIGNATURES} signatures`);
  return { type: payloadType, payload: base64(payload), signatures };
}

// Those of the keys that signed the envelope, in the keys' order (DSSE v1.0.0, "PAE").
export async function signersOf(envelope, keys) {
  const head = bytes(`DSSEv1 ${bytes(envelope.type).length} ${envelope.type} ${envelope.payload.length} `);
  const message = new Uint8Array(head.length + envelope.payload.length);
  message.set(head);
  message.set(envelope.payload, head.length);
  const signed = [];
  for (const key of keys) {
    for (const { keyid, sig } of envelope.signatures) {
      if (keyid !== `${key.name}+${key.id}` || typeof sig !== "string" || signed.includes(key.name)) continue;
      if (await verifies(key, base64(sig), message)) signed.push(key.name);
    }
  }
  return signed;
}

export const sameBytes = same;
export const toBase64 = btoaBytes;
