/**
 * Request headers from Node's raw list: its own object drops some repeated headers and joins others with `,
 * `, and a signature covers every one of them, joined with `,` (S3-WIRE 15, 16).
 */
import type { HeaderList } from '@forebay/core/object';
import type { RequestHeaders } from './types.ts';

const none: readonly string[] = [];

export class RawHeaders implements RequestHeaders {
  readonly #values = new Map<string, string>();

  /** @param rawHeaders names and values in turn, latin1, as `IncomingMessage.rawHeaders` has them */
  constructor(rawHeaders: readonly string[], further: HeaderList = []) {
    const values = this.#values;
    for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
      const name = rawHeaders[index]!.toLowerCase();
      const value = rawHeaders[index + 1]!;
      const before = values.get(name);
      values.set(name, before === undefined ? value : `${before},${value}`);
    }
    for (const [name, value] of further) if (!this.#values.has(name)) this.#values.set(name, value);
  }

  get(name: string): string | undefined {
    return this.#values.get(name);
  }

  hasPrefix(prefix: string): boolean {
    for (const name of this.#values.keys()) if (name.startsWith(prefix)) return true;
    return false;
  }

  /** Names that start with the prefix and are not in the list; most requests have none. */
  missingFrom(known: ReadonlySet<string>, prefix: string): readonly string[] {
    let missing = none;
    for (const name of this.#values.keys()) {
      if (name.startsWith(prefix) && !known.has(name)) missing = [...missing, name];
    }
    return missing;
  }

  withPrefix(prefix: string): HeaderList {
    return [...this.#values].filter(([name]) => name.startsWith(prefix));
  }

  /** The same with further headers; those already there stay. */
  with(further: HeaderList): RawHeaders {
    if (further.length === 0) return this;
    return new RawHeaders([], [...this.#values, ...further]);
  }
}
