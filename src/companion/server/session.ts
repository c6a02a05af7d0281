import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
const equal = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b));

/** 256 bits of chance, as letters that an address may hold. */
export const secret = (): string => randomBytes(32).toString('base64url');

/** Sessions that are not heard of for so long end. */
const IDLE_MS = 12 * 3600 * 1000;
/** An unused token ends too. */
const TOKEN_MS = 15 * 60 * 1000;

/** One-time tokens and the sessions that pages got for them. */
export class Sessions {
  readonly #tokens = new Map<string, number>();
  readonly #sessions = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** A token that opens one session. */
  offer(): string {
    const token = secret();
    this.#tokens.set(token, this.#now());
    return token;
  }

  /** The session's key for a token; null for a token that is wrong, too old or used. */
  exchange(token: string): string | null {
    for (const [known, since] of this.#tokens) {
      if (!equal(known, token)) continue;
      this.#tokens.delete(known);
      if (this.#now() - since > TOKEN_MS) return null;
      const key = secret();
      this.#sessions.set(key, this.#now());
      return key;
    }
    return null;
  }

  has(key: string): boolean {
    let found = false;
    for (const [known, last] of this.#sessions) {
      if (this.#now() - last > IDLE_MS) this.#sessions.delete(known);
      else if (equal(known, key)) {
        found = true;
        this.#sessions.set(known, this.#now());
      }
    }
    return found;
  }
}
