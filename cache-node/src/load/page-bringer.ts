/**
 * Brings the missing pages of a run for a job: goes along with the fills that bring them already, sends its
 * own for the rest, one after the other, and waits until each page is on disk.
 */
import { ForebayError } from '@forebay/core/errors';
import { type FillContext, requestEndOf } from '../fill/fill-context.ts';
import type { FillReader, PageFlight } from '../fill/page-flight.ts';
import type { PageSource } from '../fill/page-source.ts';
import { isMissing, sendFill } from '../fill/send-fill.ts';

/** Attempts in a row that bring no page: clients need the connections, or the memory. */
const stallsMax = 3;

export class PageBringer {
  /** Sent for these pages by this bringer. */
  ufsRequests = 0;
  /** Brought by other nodes, which had them. */
  peerBytes = 0;
  readonly #source: PageSource;
  readonly #end: number;
  readonly #context: FillContext;
  #at: number;
  #stalls = 0;

  constructor(
    source: PageSource,
    pages: { readonly first: number; readonly endExclusive: number },
    context: FillContext,
  ) {
    this.#source = source;
    this.#at = pages.first;
    this.#end = pages.endExclusive;
    this.#context = context;
  }

  /**
   * Resolves when every page is stored, or was brought and is not kept.
   * @throws ForebayError `overloaded`, `ufs-unavailable`, `version-changed`; UfsAnswerError; the signal's reason
   */
  async run(signal: AbortSignal): Promise<void> {
    const { store, flights } = this.#context;
    const { set } = this.#source;
    for (; this.#at < this.#end; ) {
      signal.throwIfAborted();
      const page = { set, index: this.#at };
      const flight = flights.get(page);
      if (flight) await this.#follow(flight, signal);
      else if (store.has(page)) await this.#pass();
      else await this.#send(signal);
    }
  }

  async #pass(): Promise<void> {
    await this.#context.store.written({ set: this.#source.set, index: this.#at });
    this.#at += 1;
    this.#stalls = 0;
  }

  async #follow(flight: PageFlight, signal: AbortSignal): Promise<void> {
    await this.#ended(flight, signal);
    if (flight.end?.kind === 'failed') throw flight.end.error;
    if (flight.end?.kind !== 'done') return this.#stall();
    await this.#pass();
  }

  /** Resolves at the flight's end; the fill goes on as long as this job wants it. */
  async #ended(flight: PageFlight, signal: AbortSignal): Promise<void> {
    const ended = Promise.withResolvers<void>();
    const reader: FillReader = {
      pageIndex: this.#at,
      wantedEnd: this.#end,
      wake: () => (flight.end || signal.aborted ? ended.resolve() : flight.wait(reader)),
    };
    const leave = () => {
      flight.fill.detach(reader);
      ended.resolve();
    };
    signal.addEventListener('abort', leave, { once: true });
    flight.fill.attach(reader);
    reader.wake();
    await ended.promise;
    signal.removeEventListener('abort', leave);
    leave();
    signal.throwIfAborted();
  }

  /** One UFS request for the run of missing pages that begins here. */
  async #send(signal: AbortSignal): Promise<void> {
    const { set, ufs, pageSizeBytes } = this.#source;
    const first = this.#at;
    const limit = Math.min(this.#end, requestEndOf(this.#context, { ufs, pageSizeBytes }, first));
    let endExclusive = first + 1;
    while (endExclusive < limit && isMissing(this.#context, set, endExclusive)) endExclusive += 1;
    const reader = { pageIndex: first, wantedEnd: endExclusive, wake: () => {} };
    const run = { first, endExclusive, urgency: 'ahead', uncounted: true } as const;
    const { fill, over } = sendFill(this.#source, run, { context: this.#context, reader });
    const leave = () => fill.detach(reader);
    signal.addEventListener('abort', leave, { once: true });
    this.ufsRequests += 1;
    const { flights } = this.#context;
    // The first flight is there in this tick; the others as the fill comes to them.
    const flight = flights.get({ set, index: first });
    await over;
    this.peerBytes += fill.peerBytes;
    if (fill.peerBytes > 0 && fill.ufsBytes === 0) this.ufsRequests -= 1;
    signal.removeEventListener('abort', leave);
    leave();
    signal.throwIfAborted();
    if (flight?.end?.kind === 'failed') throw flight.end.error;
    if (flight?.end?.kind !== 'done') return this.#stall();
    for (; this.#at < Math.min(endExclusive, fill.endPage); ) {
      const page = { set, index: this.#at };
      const brought = flights.get(page);
      if (brought?.end && brought.end.kind !== 'done') break;
      await this.#context.store.written(page);
      if (!brought && !this.#context.store.has(page)) break;
      await this.#pass();
    }
    if (this.#at > first) return;
    // Brought, and not kept: asking again would change nothing.
    this.#at = this.#end;
  }

  #stall(): void {
    this.#stalls += 1;
    if (this.#stalls < stallsMax) return;
    throw new ForebayError('overloaded', 'clients need what a load would take');
  }
}
