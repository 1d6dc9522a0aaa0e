/**
 * What is hot and what was slow, of the requests of one gateway. A busy gateway looks at one request in many,
 * chosen at random, and lets it count for all of them: it costs the others two comparisons.
 */
import type { Clock } from '@forebay/core/clock';
import { TopNames } from '@forebay/core/top-names';
import type { TrafficReport } from '@forebay/core/traffic';
import type { Exchange } from '../exchange.ts';
import { SlowestRequests } from './slowest-requests.ts';

/** Requests of a second that are looked at; more where it is the first busy one. */
const looksPerSecond = 500;
const keptNamesMax = 400;
const toldNamesMax = 100;
const halfLifeMs = 600_000;

export class TrafficWatch {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #objects = new TopNames(keptNamesMax);
  readonly #prefixes = new TopNames(keptNamesMax);
  readonly #slowest = new SlowestRequests();
  /** One request in so many is looked at. */
  #stride = 1;
  #untilNext = 1;
  #looksOfSecond = 0;
  #secondEndsMs = 0;
  #halvesAtMs: number;

  constructor({ clock, random = Math.random }: { readonly clock: Clock; readonly random?: () => number }) {
    this.#clock = clock;
    this.#random = random;
    this.#halvesAtMs = clock.monotonicMs() + halfLifeMs;
  }

  /** A request is over. */
  note(exchange: Exchange, status: number, durationMs: number): void {
    const nowMs = exchange.startedMs + durationMs;
    if (this.#slowest.takes(durationMs, nowMs)) this.#addSlow(exchange, status, durationMs);
    this.#untilNext -= 1;
    if (this.#untilNext <= 0) this.#look(exchange, nowMs);
  }

  report(): TrafficReport {
    this.#forget(this.#clock.monotonicMs());
    return {
      objects: this.#objects.top(toldNamesMax),
      prefixes: this.#prefixes.top(toldNamesMax),
      slow: this.#slowest.list(),
    };
  }

  #look({ bucket, key, sent }: Exchange, nowMs: number): void {
    const weight = this.#stride;
    this.#pace(nowMs);
    // On average one in `stride`, and never in step with what clients do.
    this.#untilNext = this.#stride === 1 ? 1 : 1 + Math.floor(this.#random() * (2 * this.#stride - 1));
    if (bucket === undefined || key === undefined || key === '') return;
    this.#forget(nowMs);
    const bytes = (sent?.bodyBytes ?? 0) * weight;
    this.#objects.add(`s3://${bucket}/${key}`, weight, bytes);
    this.#prefixes.add(`s3://${bucket}/${key.slice(0, key.lastIndexOf('/') + 1)}`, weight, bytes);
  }

  #pace(nowMs: number): void {
    if (nowMs >= this.#secondEndsMs) {
      const wanted = (this.#stride * this.#looksOfSecond) / looksPerSecond;
      this.#stride = Math.max(1, Math.ceil(wanted));
      this.#secondEndsMs = nowMs + 1000;
      this.#looksOfSecond = 0;
    }
    this.#looksOfSecond += 1;
    if (this.#looksOfSecond > 2 * looksPerSecond) {
      this.#stride *= 2;
      this.#looksOfSecond = looksPerSecond;
    }
  }

  #forget(nowMs: number): void {
    while (nowMs >= this.#halvesAtMs) {
      this.#halvesAtMs += halfLifeMs;
      this.#objects.halve();
      this.#prefixes.halve();
    }
  }

  #addSlow(exchange: Exchange, status: number, durationMs: number): void {
    const { id, operation, bucket, key, headers, errorCode, cache, sent, startedMs, span } = exchange;
    const waitMs = Math.max(0, (exchange.answeredMs ?? startedMs + durationMs) - startedMs);
    this.#slowest.add({
      ...{ id, operation, bucket, key, status, cache, durationMs, waitMs },
      atMs: this.#clock.wallMs(),
      trace: span?.traceId,
      range: headers.get('range'),
      code: errorCode,
      bytes: sent?.bodyBytes ?? 0,
      end: sent?.end ?? 'client-gone',
    });
  }
}
