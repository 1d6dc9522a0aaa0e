/** One line per request, whatever became of it: as JSON, or as S3 writes its server access logs. */
import { AddressRanges } from '@forebay/core/address-ranges';
import type { Clock } from '@forebay/core/clock';
import type { Exchange } from '../exchange.ts';
import { ForwardedOrigin } from '../s3/auth/client-origin.ts';
import type { GatewayConfig } from '../settings.ts';
import { jsonLine } from './json-line.ts';
import { s3Line } from './s3-line.ts';

/** Where lines go; each comes with its line end. */
export interface LineSink {
  write(line: string): void;
}

/** A request that is over. */
export interface Ended {
  readonly exchange: Exchange;
  /** Undefined: no answer's head went out. */
  readonly status: number | undefined;
  readonly durationMs: number;
  readonly endedAtMs: number;
  /** IPv4 or IPv6. */
  readonly client: string | undefined;
  readonly hostId: string;
}

/** What could not be read as a request. */
export interface Unread {
  readonly id: string;
  readonly status: number | undefined;
  readonly code: string;
  readonly client: string | undefined;
}

export interface AccessLogOptions {
  /** Read at each request. */
  readonly settings: Pick<GatewayConfig, 'accessLog' | 'accessLogFormat' | 'trustedProxies'>;
  readonly sink: LineSink;
  readonly clock: Clock;
  readonly hostId: string;
}

export class AccessLog {
  readonly #options: AccessLogOptions;
  readonly #trustedProxies: AddressRanges;

  constructor(options: AccessLogOptions) {
    this.#options = options;
    this.#trustedProxies = new AddressRanges(options.settings.trustedProxies);
  }

  get isOn(): boolean {
    return this.#options.settings.accessLog === 'on';
  }

  /** @param durationMs of the whole request */
  ended(exchange: Exchange, status: number | undefined, durationMs: number): void {
    const { settings, sink, clock, hostId } = this.#options;
    const { headers, head } = exchange;
    const origin = new ForwardedOrigin(headers, head.socket.remoteAddress, this.#trustedProxies);
    const endedAtMs = clock.wallMs();
    const ended = { exchange, status, durationMs, endedAtMs, hostId, client: origin.address() };
    sink.write(settings.accessLogFormat === 's3' ? s3Line(ended) : jsonLine(ended));
  }

  /** Bytes that are no request were answered, or not. */
  unread({ id, status, code, client }: Unread): void {
    if (!this.isOn) return;
    const { settings, sink, clock, hostId } = this.#options;
    const nowMs = clock.wallMs();
    const time = new Date(nowMs);
    if (settings.accessLogFormat === 's3') {
      sink.write(s3Line({ id, status, code, client, hostId, endedAtMs: nowMs }));
      return;
    }
    const line = { level: 'info', time, id, op: 'Unknown', client, status, code, bytes: 0, ms: 0 };
    sink.write(`${JSON.stringify({ ...line, msg: 'request' })}\n`);
  }
}
