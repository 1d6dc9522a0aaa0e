/**
 * What the counting proxy can be told to do to requests, and the gates that hold them. A rule names the
 * requests it is for and what happens to them; the first rule that matches decides, a rule with `times` ends
 * after that many.
 */
import type { IncomingHttpHeaders } from 'node:http';

export interface RecordedRequest {
  readonly method: string;
  /** Path and query as they came, undecoded. */
  readonly target: string;
  readonly path: string;
  /** Without the question mark; empty where there is none. */
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
  /** The Range header. */
  readonly range: string | undefined;
  /** What the client was answered; undefined while it waits, and where it never got an answer. */
  readonly status: number | undefined;
  /** Body bytes sent to the server. */
  readonly requestBytes: number;
  /** Body bytes handed to the client. */
  readonly responseBytes: number;
  /** `server`: it reached the server behind. `proxy`: the proxy answered, or cut the connection, instead. */
  readonly answeredBy: 'server' | 'proxy';
  /** `cut`: either side left before the answer was complete. */
  readonly state: 'open' | 'complete' | 'cut';
}

/** A record that is still being written. */
export type OpenRecord = { -readonly [Key in keyof RecordedRequest]: RecordedRequest[Key] };

export interface ResponseHead {
  readonly status: number;
  /** Name, value, name, value, as they came. */
  readonly rawHeaders: readonly string[];
}

export interface ProxyRule {
  /** Which requests; without it, all. */
  readonly match?: ((request: RecordedRequest) => boolean) | undefined;
  /** How many requests; without it, until removed. */
  readonly times?: number;
  /** Held before the server sees it. */
  readonly hold?: Gate;
  readonly delayMs?: number;
  /** Answered here with an S3 error; the server never sees it. */
  readonly answer?: { readonly status: number; readonly code: string };
  /** The server acts, and its answer is dropped with the connection before a byte of it is sent. */
  readonly loseAnswer?: boolean;
  /** Changes status and headers of the server's answer. */
  readonly head?: (head: ResponseHead) => ResponseHead;
  /** The body flows to the client at no more than this. */
  readonly bytesPerSecond?: number;
  /** Once this many body bytes went to the client, the rest waits until `call` is done. */
  readonly pauseAfter?: { readonly bytes: number; readonly call: () => Promise<void> };
  /** Once this many body bytes went to the client, the connection is cut. */
  readonly cutAfterBytes?: number;
}

export interface RuleHandle {
  /** Requests it was applied to so far. */
  readonly applied: number;
  remove(): void;
}

/** Holds whoever passes until released; after that it is open for good. */
export class Gate {
  #waiting = 0;
  #open = false;
  readonly #held: (() => void)[] = [];
  readonly #watchers: { count: number; resolve: () => void }[] = [];

  get waiting(): number {
    return this.#waiting;
  }

  pass(): Promise<void> {
    if (this.#open) return Promise.resolve();
    this.#waiting += 1;
    for (const watcher of this.#watchers) if (this.#waiting >= watcher.count) watcher.resolve();
    return new Promise((resolve) => {
      this.#held.push(resolve);
    });
  }

  /** Resolves once this many requests are held here. */
  arrived(count = 1): Promise<void> {
    if (this.#waiting >= count) return Promise.resolve();
    return new Promise((resolve) => {
      this.#watchers.push({ count, resolve });
    });
  }

  release(): void {
    this.#open = true;
    this.#waiting = 0;
    for (const resume of this.#held.splice(0)) resume();
  }
}

export class Rules {
  #rules: { rule: ProxyRule; left: number; applied: number }[] = [];

  add(rule: ProxyRule): RuleHandle {
    const entry = { rule, left: rule.times ?? Number.POSITIVE_INFINITY, applied: 0 };
    this.#rules.push(entry);
    return {
      get applied() {
        return entry.applied;
      },
      remove: () => {
        this.#rules = this.#rules.filter((other) => other !== entry);
      },
    };
  }

  /** The rule for a request, counted as applied. */
  take(request: RecordedRequest): ProxyRule {
    const found = this.#rules.find((entry) => entry.left > 0 && (entry.rule.match?.(request) ?? true));
    if (!found) return {};
    found.left -= 1;
    found.applied += 1;
    return found.rule;
  }

  /** Ends all rules and opens their gates. */
  clear(): void {
    for (const { rule } of this.#rules) rule.hold?.release();
    this.#rules = [];
  }
}

/** An error as S3 words it. */
export function errorXml(code: string): string {
  const error = `<Error><Code>${code}</Code><Message>${code}</Message></Error>`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n${error}`;
}
