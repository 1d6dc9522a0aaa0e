/**
 * Traces: what was done for one request, in which process, and how long it took. The contract, and the span
 * that is current; who records and sends them is `cli/src/tracing`. A request that is not traced has no span
 * at all, so that it costs nothing but a look.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

/** `server`: on behalf of another process; `client`: another process is asked. */
export type SpanKind = 'server' | 'client' | 'internal';

/** What is undefined is left out. */
export type SpanFacts = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Span {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** The W3C header for whoever is asked in the course of this. */
  readonly traceparent: string;
  child(name: string, kind: SpanKind, facts?: SpanFacts): Span;
  rename(name: string): void;
  add(facts: SpanFacts): void;
  event(name: string, facts?: SpanFacts): void;
  /** To be called once. @param error what it failed with, where it failed */
  end(error?: unknown): void;
}

export interface Tracer {
  /**
   * A span with nothing above it in this process.
   * @param traceparent what the asker sent: it decides. Without one the sampling does
   * @returns undefined: this is not traced
   */
  begin(name: string, traceparent: string | undefined): Span | undefined;
}

const spans = new AsyncLocalStorage<Span>();

/** The span in whose course this runs. */
export function spanNow(): Span | undefined {
  return spans.getStore();
}

/**
 * Runs in the course of a span, and so does all that it begins. Undefined: in the course of none, for what
 * outlives the request in which it is made, or is called back in another's.
 */
export function inSpan<T>(span: Span | undefined, run: () => T): T {
  if (spans.getStore() === span) return run();
  return span ? spans.run(span, run) : spans.exit(run);
}

/** Runs as a child of the current span, where there is one. */
export async function asChild<T>(
  of: { readonly name: string; readonly kind: SpanKind; readonly facts?: SpanFacts },
  run: (span: Span | undefined) => Promise<T>,
): Promise<T> {
  const span = spanNow()?.child(of.name, of.kind, of.facts);
  if (!span) return run(undefined);
  try {
    const result = await inSpan(span, () => run(span));
    span.end();
    return result;
  } catch (error) {
    span.end(error);
    throw error;
  }
}

const traceparentShape = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})/;

/** What a `traceparent` says (W3C Trace Context 1 §3.2); undefined where it is none. */
export function parseTraceparent(
  text: string,
): { readonly traceId: string; readonly spanId: string; readonly isSampled: boolean } | undefined {
  const match = text.length <= 256 ? traceparentShape.exec(text) : null;
  // Version 00 ends there; a later one may go on after a hyphen.
  const ends = match && (text.length === 55 || (text[55] === '-' && !text.startsWith('00')));
  if (!ends) return undefined;
  return { traceId: match[1]!, spanId: match[2]!, isSampled: (Number.parseInt(match[3]!, 16) & 1) === 1 };
}
