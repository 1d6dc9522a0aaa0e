/**
 * What is told of every request when it is over: one access log line and the metrics (one funnel, so that
 * they agree).
 */
import type { Clock } from '@forebay/core/clock';
import type { Log } from '@forebay/core/log';
import type { Exchange } from './exchange.ts';
import type { GatewayMetrics } from './metrics.ts';
import type { GatewayConfig } from './settings.ts';

/** The client left before it had an answer's head: no status went out. */
const clientGoneStatus = 499;

export class Observer {
  readonly #metrics: GatewayMetrics;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #level: 'info' | 'debug';
  #inFlight = 0;

  constructor(options: {
    readonly metrics: GatewayMetrics;
    readonly clock: Clock;
    readonly log: Log;
    readonly settings: Pick<GatewayConfig, 'accessLog'>;
  }) {
    this.#metrics = options.metrics;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#level = options.settings.accessLog === 'on' ? 'info' : 'debug';
  }

  /** Requests under way, the one that asks included. */
  get inFlight(): number {
    return this.#inFlight;
  }

  begin(): void {
    this.#inFlight += 1;
    this.#metrics.inFlight.set(this.#inFlight);
  }

  end(exchange: Exchange): void {
    this.#inFlight -= 1;
    this.#metrics.inFlight.set(this.#inFlight);
    const { outgoing, operation, cache, sent } = exchange;
    const status = outgoing.headersSent ? outgoing.statusCode : clientGoneStatus;
    const durationMs = this.#clock.monotonicMs() - exchange.startedMs;
    this.#metrics.requests.inc({ op: operation, status: String(status), cache: cache ?? 'none' });
    this.#metrics.duration.observe({ op: operation }, durationMs / 1000);
    if (sent && sent.end !== 'whole') {
      this.#metrics.cutAnswers.inc({ reason: sent.end === 'cut' ? 'body_failed' : 'client_gone' });
    }
    if (!this.#log.isLevelEnabled(this.#level)) return;
    this.#log[this.#level](
      {
        id: exchange.id,
        op: operation,
        method: exchange.incoming.method,
        bucket: exchange.bucket,
        key: exchange.key,
        range: exchange.incoming.headers.range,
        user: exchange.principal?.kind === 'user' ? exchange.principal.name : undefined,
        client: exchange.incoming.socket.remoteAddress,
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
