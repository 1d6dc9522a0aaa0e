/**
 * What clients did and saw, key by key, and whether the promises explain it: exact bytes of one version, and
 * an order of all operations on a key in which each took effect between its start and its end.
 */
import { contentOf } from '../support/content.ts';
import { type RegisterOperation, violationOf } from '../support/linearizable.ts';
import { etagOf, partsEtagOf } from '../support/memory-s3.ts';

/** The version of a key without an object. */
export const absent = 0;

export interface Version {
  /** From 1; part of every 16 bytes of the body. */
  readonly id: number;
  readonly sizeBytes: number;
}

export interface Seen extends RegisterOperation<number> {
  /** What was asked, of whom, and what was answered. */
  readonly what: string;
}

export interface Violation {
  readonly promise: 'P1' | 'P2';
  readonly what: string;
  /** The key's operations, those around the violation. */
  readonly history: readonly string[];
}

const shownAround = 14;

export class History {
  readonly #versions = new Map<string, Version>();
  readonly #operations = new Map<string, Seen[]>();
  readonly #violations: Violation[] = [];
  #versionCount = 0;

  /** A body that no other write has. With `parts`, also its ETag as an upload in so many parts is known. */
  newVersion(sizeBytes: number, parts?: number): { version: Version; body: Buffer; parts: Buffer[] } {
    this.#versionCount += 1;
    const version = { id: this.#versionCount, sizeBytes };
    const body = bodyOf(version);
    const pieces = parts === undefined ? [] : partsOf(body, parts);
    this.#versions.set(etagOf(body), version);
    if (pieces.length > 0) this.#versions.set(partsEtagOf(pieces), version);
    return { version, body, parts: pieces };
  }

  /** The version that an ETag names; undefined where nobody wrote such a one. */
  versionOf(etag: string | undefined): Version | undefined {
    return etag === undefined ? undefined : this.#versions.get(etag);
  }

  add(key: string, seen: Seen): void {
    const operations = this.#operations.get(key) ?? [];
    operations.push(seen);
    this.#operations.set(key, operations);
  }

  /** An answer whose bytes or headers are of no one version. */
  addMixture(key: string, what: string): void {
    const history = (this.#operations.get(key) ?? []).slice(-shownAround).map(lineOf);
    this.#violations.push({ promise: 'P1', what: `${key}: ${what}`, history });
  }

  get operationCount(): number {
    return [...this.#operations.values()].reduce((sum, { length }) => sum + length, 0);
  }

  /** All that no order and no version explains. */
  violations(): readonly Violation[] {
    const unordered = [...this.#operations].flatMap(([key, operations]) => {
      const found = violationOf(operations, absent);
      if (!found) return [];
      const { operation, possible } = found;
      const around = operations
        .filter(({ start, end }) => end > operation.start - 15_000 && start < operation.end + 100)
        .sort((a, b) => a.start - b.start)
        .slice(-3 * shownAround);
      const what = `${key}: ${lineOf(operation)}; possible were ${possible.join(', ')}`;
      return [{ promise: 'P2' as const, what, history: around.map(lineOf) }];
    });
    return [...this.#violations, ...unordered];
  }
}

export function bodyOf({ id, sizeBytes }: Version): Buffer {
  return contentOf(id, sizeBytes);
}

function partsOf(body: Buffer, count: number): Buffer[] {
  const size = Math.ceil(body.length / count);
  return Array.from({ length: count }, (_, index) => body.subarray(index * size, (index + 1) * size));
}

function lineOf({ kind, value, start, end, what }: Seen): string {
  const until = end === Number.POSITIVE_INFINITY ? 'never known' : `${end.toFixed(1)} ms`;
  return `${start.toFixed(1)} to ${until}: ${kind} of ${value} (${what})`;
}
