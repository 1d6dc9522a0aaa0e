/**
 * What is told of every request when it is over: one access log line and the metrics (one funnel, so that
 * they agree).
 */
import type { Clock } from '@forebay/core/clock';
import type { Log } from '@forebay/core/log';
import type { Tracer } from '@forebay/core/tracing';
import type { Exchange } from './exchange.ts';
import type { GatewayMetrics } from './metrics.ts';
import { RequestCounts } from './request-counts.ts';
import { beginSpan, endSpan } from './request-span.ts';
import type { GatewayConfig } from './settings.ts';
import { TrafficWatch } from './watch/traffic-watch.ts';

/** The client left before it had an answer's head: no status went out. */
const clientGoneStatus = 499;

export class Observer {
  /** What is hot, and what was slow. */
  readonly traffic: TrafficWatch;
  readonly #metrics: GatewayMetrics;
  readonly #counts: RequestCounts;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #settings: Pick<GatewayConfig, 'accessLog'>;
  readonly #tracer: Tracer | undefined;

  constructor(options: {
    readonly metrics: GatewayMetrics;
    readonly clock: Clock;
    readonly log: Log;
    readonly settings: Pick<GatewayConfig, 'accessLog'>;
    readonly tracer?: Tracer | undefined;
  }) {
    this.traffic = new TrafficWatch(options);
    this.#metrics = options.metrics;
    this.#counts = new RequestCounts(options.metrics);
    this.#clock = options.clock;
    this.#log = options.log;
    this.#settings = options.settings;
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

  end(exchange: Exchange): void {
    this.#metrics.inFlight.count -= 1;
    const { operation, cache, sent, status = clientGoneStatus } = exchange;
    const durationMs = this.#clock.monotonicMs() - exchange.startedMs;
    this.#counts.count({ operation, status, cache: cache ?? 'none', seconds: durationMs / 1000 });
    this.traffic.note(exchange, status, durationMs);
    if (exchange.span) endSpan(exchange.span, exchange, status);
    if (sent && sent.end !== 'whole') {
      this.#metrics.cutAnswers.inc({ reason: sent.end === 'cut' ? 'body_failed' : 'client_gone' });
    }
    const level = this.#settings.accessLog === 'on' ? 'info' : 'debug';
    if (!this.#log.isLevelEnabled(level)) return;
    this.#log[level](
      {
        id: exchange.id,
        trace: exchange.span?.traceId,
        op: operation,
        method: exchange.head.method,
        bucket: exchange.bucket,
        key: exchange.key,
        range: exchange.headers.get('range'),
        user: exchange.principal?.kind === 'user' ? exchange.principal.name : undefined,
        client: exchange.head.socket.remoteAddress,
        status,
        code: exchange.errorCode,
        cache,
        bytes: sent?.bodyBytes ?? 0,
        ms: Math.round(durationMs * 10) / 10,
      },
      'request',
    );
  }
}
