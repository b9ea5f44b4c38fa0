// Files of a ledger from any static host: no more bytes than a file can have, no longer than `patience` seconds, no redirect.

export class Host {
  constructor(base, patience) {
    this.base = base;
    this.patience = patience;
    this.fetched = 0; // bytes
  }

  // The bytes, or null where the host says that there is none. Throws a clause where it cannot be had.
  async get(name, most, cache = "default") {
    const aborter = new AbortController();
    const timer = setTimeout(() => aborter.abort(), this.patience * 1000);
    try {
      const answer = await fetch(new URL(name, this.base), {
        signal: aborter.signal, cache, redirect: "error", credentials: "same-origin", referrerPolicy: "no-referrer",
      });
      if (answer.status === 404 || answer.status === 410) return null;
      if (!answer.ok) throw new Error(`the host answered with ${answer.status}`);
      return await this.#read(answer.body.getReader(), most, aborter);
    } catch (error) {
      if (aborter.signal.aborted && !error.said) throw new Error(`it did not come within ${this.patience} seconds`);
      throw error instanceof TypeError ? new Error("it could not be fetched") : error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #read(reader, most, aborter) {
    const parts = [];
    let total = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      total += value.length;
      if (total > most) {
        aborter.abort();
        throw Object.assign(new Error(`it is larger than the ${most} bytes that it can have`), { said: true });
      }
      parts.push(value);
    }
    this.fetched += total;
    if (parts.length === 1) return parts[0];
    const whole = new Uint8Array(total);
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }
}

// The results of `work` over the jobs, in their order, with so many of them begun ahead.
export async function* ahead(jobs, work, many = 8) {
  const begun = [];
  for (const job of jobs) {
    const promise = work(job);
    promise.catch(() => {}); // it is awaited below, perhaps after others
    begun.push([job, promise]);
    if (begun.length >= many) yield begun.shift();
  }
  yield* begun;
}
