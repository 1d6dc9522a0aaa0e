/**
 * What is told of every request when it is over: one access log line and the metrics (one funnel, so that
 * they agree).
 */
import type { Socket } from 'node:net';
import type { Clock } from '@forebay/core/clock';
import type { Tracer } from '@forebay/core/tracing';
import type { AccessLog } from './access-log/access-log.ts';
import type { ClientError } from './client-error.ts';
import type { Exchange } from './exchange.ts';
import type { GatewayMetrics } from './metrics.ts';
import { RequestCounts } from './request-counts.ts';
import { beginSpan, endSpan } from './request-span.ts';
import { TrafficWatch } from './watch/traffic-watch.ts';

/** The client left before it had an answer's head: no status went out. */
const clientGoneStatus = 499;

export class Observer {
  /** What is hot, and what was slow. */
  readonly traffic: TrafficWatch;
  readonly #metrics: GatewayMetrics;
  readonly #counts: RequestCounts;
  readonly #clock: Clock;
  readonly #accessLog: AccessLog | undefined;
  readonly #tracer: Tracer | undefined;

  constructor(options: {
    readonly metrics: GatewayMetrics;
    readonly clock: Clock;
    readonly accessLog: AccessLog | undefined;
    readonly tracer?: Tracer | undefined;
  }) {
    this.traffic = new TrafficWatch(options);
    this.#metrics = options.metrics;
    this.#counts = new RequestCounts(options.metrics);
    this.#clock = options.clock;
    this.#accessLog = options.accessLog;
    this.#tracer = options.tracer;
  }

  /** Requests under way, the one that asks included. */
  get inFlight(): number {
    return this.#metrics.inFlight.count;
  }

  begin(exchange: Exchange): void {
    this.#metrics.inFlight.count += 1;
    if (this.#tracer && !exchange.span) exchange.span = beginSpan(this.#tracer, exchange);
  }

  /** The request is not over: it begins again on another way. */
  passOn(): void {
    this.#metrics.inFlight.count -= 1;
  }

  /** What could not be read as a request, or as the rest of one. */
  refused({ reason, of, ...refused }: ClientError, socket: Socket): void {
    this.#metrics.refused.inc({ reason });
    if (!of) this.#accessLog?.unread({ ...refused, client: socket.remoteAddress });
  }

  end(exchange: Exchange): void {
    this.#metrics.inFlight.count -= 1;
    if (exchange.refused) {
      exchange.status = exchange.refused.status;
      exchange.errorCode = exchange.refused.code;
    }
    const { operation, cache, sent, status = clientGoneStatus } = exchange;
    const durationMs = this.#clock.monotonicMs() - exchange.startedMs;
    this.#counts.count({ operation, status, cache: cache ?? 'none', seconds: durationMs / 1000 });
    this.traffic.note(exchange, status, durationMs);
    if (exchange.span) endSpan(exchange.span, exchange, status);
    if (sent && sent.end !== 'whole') {
      this.#metrics.cutAnswers.inc({ reason: sent.end === 'cut' ? 'body_failed' : 'client_gone' });
    }
    if (this.#accessLog?.isOn) this.#accessLog.ended(exchange, exchange.status, durationMs);
  }
}
