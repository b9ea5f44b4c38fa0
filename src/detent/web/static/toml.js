// TOML 1.0 as charters are written in it: as far as it takes to know whose signatures count. What it cannot read it refuses.

const BARE = /^[A-Za-z0-9_-]+/u;
const ESCAPES = { b: "\b", t: "\t", n: "\n", f: "\f", r: "\r", '"': '"', "\\": "\\" };

export function parseToml(text) {
  return new Reader(text.replaceAll("\r\n", "\n")).document();
}

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  document() {
    const root = table();
    let here = root;
    for (;;) {
      this.space(true);
      if (this.at >= this.text.length) return root;
      if (this.eats("[[")) {
        const list = this.header(root, "]]", () => []);
        if (!Array.isArray(list)) this.refuse("a list of tables");
        here = table();
        list.push(here);
      } else if (this.eats("[")) {
        here = this.header(root, "]", table);
        if (seen.has(here)) this.refuse("each table once");
        seen.add(here);
      } else {
        this.pair(here);
      }
      this.space(false);
      if (this.at < this.text.length && !this.eats("\n")) this.refuse("the end of the line");
    }
  }

  header(root, end, make) {
    this.space(false);
    const keys = this.keys();
    if (!this.eats(end)) this.refuse(end);
    const last = keys.pop();
    const home = this.into(root, keys);
    if (!(last in home)) home[last] = make();
    return home[last];
  }

  into(home, keys) {
    for (const key of keys) {
      if (!(key in home)) home[key] = table();
      home = Array.isArray(home[key]) ? home[key].at(-1) : home[key];
      if (typeof home !== "object" || home === null) this.refuse("a table");
    }
    return home;
  }

  pair(home) {
    const keys = this.keys();
    const last = keys.pop();
    if (!this.eats("=")) this.refuse("=");
    this.space(false);
    const place = this.into(home, keys);
    if (last in place) this.refuse("each key once");
    place[last] = this.value();
  }

  keys() {
    const found = [];
    do {
      this.space(false);
      const bare = BARE.exec(this.text.slice(this.at, this.at + 200));
      if (bare) this.at += bare[0].length;
      found.push(bare ? bare[0] : this.peek() === '"' || this.peek() === "'" ? this.string() : this.refuse("a key"));
      this.space(false);
    } while (this.eats("."));
    return found;
  }

  value() {
    const c = this.peek();
    if (c === '"' || c === "'") return this.string();
    if (this.eats("[")) return this.list();
    if (this.eats("{")) return this.inline();
    const word = /^[^\s,\]}#]+(?: [0-9:.Z+-]+)?/u.exec(this.text.slice(this.at, this.at + 200))?.[0] ?? "";
    this.at += word.length;
    if (word === "true" || word === "false") return word === "true";
    const plain = word.replaceAll("_", "");
    if (/^[+-]?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/u.test(plain)) return Number(plain);
    if (/^[+-]?(inf|nan)$/u.test(word) || /^0[xob][0-9A-Fa-f]+$/u.test(plain)) return Number(plain);
    if (/^[0-9]{2,4}[-:][0-9T:.Z +-]+$/u.test(word)) return { time: word };
    return this.refuse("a value");
  }

  list() {
    const found = [];
    for (;;) {
      this.space(true);
      if (this.eats("]")) return found;
      found.push(this.value());
      this.space(true);
      if (this.eats("]")) return found;
      if (!this.eats(",")) this.refuse("a comma");
    }
  }

  inline() {
    const found = table();
    this.space(false);
    if (this.eats("}")) return found;
    for (;;) {
      this.pair(found);
      this.space(false);
      if (this.eats("}")) return found;
      if (!this.eats(",")) this.refuse("a comma");
    }
  }

  string() {
    const quote = this.peek();
    const long = this.text.startsWith(quote.repeat(3), this.at);
    const end = long ? quote.repeat(3) : quote;
    this.at += end.length;
    if (long) this.eats("\n");
    let found = "";
    for (;;) {
      if (this.at >= this.text.length) this.refuse("the end of a text");
      if (this.eats(end)) {
        while (long && this.peek() === quote) found += this.text[this.at++];
        return found;
      }
      const c = this.text[this.at++];
      if (c === "\n" && !long) this.refuse("the end of a text");
      found += c === "\\" && quote === '"' ? this.escaped(long) : c;
    }
  }

  escaped(long) {
    const c = this.text[this.at++];
    if (c in ESCAPES) return ESCAPES[c];
    const digits = { u: 4, U: 8 }[c];
    if (digits) {
      const code = parseInt(this.text.slice(this.at, this.at + digits), 16);
      this.at += digits;
      return code <= 0x10ffff ? String.fromCodePoint(code) : this.refuse("a character");
    }
    const gap = /^[ \t]*\n[ \t\n]*/u.exec(this.text.slice(this.at - 1));
    if (!long || !gap) this.refuse("an escape");
    this.at += gap[0].length - 1;
    return "";
  }

  space(lines) {
    for (;;) {
      const c = this.peek();
      if (c === " " || c === "\t" || (lines && c === "\n")) this.at++;
      else if (c === "#") while (this.at < this.text.length && this.peek() !== "\n") this.at++;
      else return;
    }
  }

  peek() {
    return this.text[this.at];
  }

  eats(word) {
    if (!this.text.startsWith(word, this.at)) return false;
    this.at += word.length;
    return true;
  }

  refuse(wanted) {
    const line = this.text.slice(0, this.at).split("\n").length;
    throw new Error(`${wanted} is missing in line ${line} of the charter, as far as this page reads TOML`);
  }
}

const seen = new WeakSet();
const table = () => Object.create(null); // nothing in it but what was written
