// A steward's key, made and kept in this browser: Ed25519 by WebCrypto, not extractable, in IndexedDB of this origin.
//
// Nothing here can read the private half: the browser signs with it and gives it to nobody. What is signed is DSSE's
// encoding of a payload (PAE), so that an envelope made here is one that `detent` makes.

const DATABASE = "detent";
const STORE = "keys";
const TYPE_ED25519 = 1; // signature type, C2SP signed-note "Signatures"
const ALGORITHM = { name: "Ed25519" };

const utf8 = new TextEncoder();

// Whether keys can be made here, as a sentence that says why not; "" where they can.
export async function whyNoKeys() {
  if (!globalThis.isSecureContext || !globalThis.crypto?.subtle || !globalThis.indexedDB) {
    return "This page is no secure context (https, or this very machine), and so the browser signs nothing here.";
  }
  try {
    await crypto.subtle.generateKey(ALGORITHM, false, ["sign", "verify"]);
    return "";
  } catch {
    return "This browser has no Ed25519 in WebCrypto; a newer one does.";
  }
}

// The key under that steward's name; made where there is none. A name has one key here, for all runs of this server.
export async function keyFor(name) {
  const kept = (await allKeys()).find((each) => each.name === name);
  if (kept) return kept;
  if (!/^[^+\s\p{C}]+$/u.test(name)) throw new Error("a name without spaces and plus signs expected; type another");
  const pair = await crypto.subtle.generateKey(ALGORITHM, false, ["sign", "verify"]);
  const public_ = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const id = await keyId(name, public_);
  const key = { name, id, vkey: `${name}+${id}+${base64(typed(public_))}`, private: pair.privateKey };
  await inStore("readwrite", (store) => store.add(key));
  await navigator.storage?.persist?.(); // asks the browser not to drop it when space is short
  return key;
}

// Every key that is kept here: { name, id, vkey, private }, the last a CryptoKey that cannot be read.
export async function allKeys() {
  return inStore("readonly", (store) => store.getAll());
}

// The one of these keys that counts where these verify keys do; undefined where none does.
export async function keyAmong(stewards) {
  return (await allKeys()).find((each) => stewards.includes(each.vkey));
}

// DSSE v1.0.0, "Signature Definition": the bytes that are signed. payload: Uint8Array.
export function pae(payloadType, payload) {
  const kind = utf8.encode(payloadType);
  const head = utf8.encode(`DSSEv1 ${kind.length} ${payloadType} ${payload.length} `);
  const all = new Uint8Array(head.length + payload.length);
  all.set(head);
  all.set(payload, head.length);
  return all;
}

// The envelope, as text, with one signature by the key.
export async function envelope(key, payloadType, payload) {
  const signature = new Uint8Array(await crypto.subtle.sign(ALGORITHM, key.private, pae(payloadType, payload)));
  return JSON.stringify({
    payload: base64(payload),
    payloadType,
    signatures: [{ keyid: `${key.name}+${key.id}`, sig: base64(signature) }],
  });
}

export async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function base64(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

export function fromBase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

// The first four bytes (hex) of SHA-256 over name, newline, type and key: C2SP signed-note, "Signatures".
async function keyId(name, public_) {
  const named = utf8.encode(`${name}\n`);
  const all = new Uint8Array(named.length + 1 + public_.length);
  all.set(named);
  all.set(typed(public_), named.length);
  return (await sha256(all)).slice(0, 8);
}

function typed(public_) {
  return new Uint8Array([TYPE_ED25519, ...public_]);
}

function opened() {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open(DATABASE, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE, { keyPath: "name" });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
    asked.onblocked = () => reject(new Error("another page keeps the keys' store open; close it"));
  });
}

async function inStore(mode, act) {
  const database = await opened();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const asked = act(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onabort = () => reject(transaction.error);
      transaction.onerror = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}
