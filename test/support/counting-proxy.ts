/**
 * An HTTP/1.1 proxy before a test server that records every request which really arrives, and breaks them on
 * demand (proxy-rules.ts). Target and headers pass as they are, Host included, so signatures stay valid. Each
 * request has a connection of its own to the server, so nothing here depends on pooling.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Exchange } from './proxy-exchange.ts';
import {
  Gate,
  type OpenRecord,
  type ProxyRule,
  type RecordedRequest,
  type RuleHandle,
  Rules,
} from './proxy-rules.ts';
import type { S3Endpoint } from './servers.ts';

type Match = (request: RecordedRequest) => boolean;

export interface CountingProxy extends S3Endpoint {
  /** Everything that arrived since the last `reset`, in order. */
  readonly requests: readonly RecordedRequest[];
  /** How many of them match. */
  count(match: Match): number;
  /** Forgets the records; rules stay. */
  reset(): void;
  /** Resolves once no request is open. */
  idle(): Promise<void>;
  rule(rule: ProxyRule): RuleHandle;
  /** Holds matching requests before the server sees them. */
  hold(match?: Match): Gate;
  /** The next `times` matching requests are answered here: 503 SlowDown, 500 InternalError. */
  fail(status: 500 | 503, times: number, match?: Match): RuleHandle;
  /** Removes all rules and opens all gates. */
  clearRules(): void;
  /** Closes every connection and refuses new ones, until `accept`. */
  refuse(): Promise<void>;
  accept(): Promise<void>;
  stop(): Promise<void>;
}

/** Clients of the proxy use the server's own keys. */
export async function startCountingProxy(options: { target: S3Endpoint }): Promise<CountingProxy> {
  const { accessKey, secretKey, endpoint } = options.target;
  const relay = new Relay(new URL(endpoint));
  await relay.listen(0);
  const port = relay.port;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    accessKey,
    secretKey,
    get requests() {
      return relay.requests;
    },
    count: (match) => relay.requests.filter(match).length,
    reset: () => {
      relay.requests = [];
    },
    idle: () => relay.idle(),
    rule: (rule) => relay.rules.add(rule),
    hold: (match) => {
      const gate = new Gate();
      relay.rules.add({ hold: gate, match });
      return gate;
    },
    fail: (status, times, match) =>
      relay.rules.add({
        match,
        times,
        answer: { status, code: status === 503 ? 'SlowDown' : 'InternalError' },
      }),
    clearRules: () => relay.rules.clear(),
    refuse: () => relay.close(),
    accept: () => relay.listen(port),
    stop: async () => {
      relay.rules.clear();
      await relay.close();
    },
  };
}

class Relay {
  requests: RecordedRequest[] = [];
  readonly rules = new Rules();
  readonly #target: URL;
  #server: Server | undefined;
  readonly #sockets = new Set<Socket>();
  #open = 0;
  #idleWaiters: (() => void)[] = [];

  constructor(target: URL) {
    this.#target = target;
  }

  get port(): number {
    return (this.#server!.address() as AddressInfo).port;
  }

  async listen(port: number): Promise<void> {
    const server = createServer({ requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 0 });
    const handle = (request: IncomingMessage, response: ServerResponse) =>
      void this.#handle(request, response);
    server.on('request', handle).on('checkContinue', handle);
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    this.#server = server;
  }

  async close(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  idle(): Promise<void> {
    if (this.#open === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idleWaiters.push(resolve);
    });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const record = recordOf(request);
    this.requests.push(record);
    this.#open += 1;
    try {
      await new Exchange({ target: this.#target, rule: this.rules.take(record), record }).run(
        request,
        response,
      );
      record.state = 'complete';
    } catch {
      // Whoever left first, the other side must notice: a torn answer never looks like a whole one.
      record.state = 'cut';
      response.destroy();
      request.destroy();
    } finally {
      this.#open -= 1;
      if (this.#open === 0) for (const resolve of this.#idleWaiters.splice(0)) resolve();
    }
  }
}

function recordOf(request: IncomingMessage): OpenRecord {
  const target = request.url ?? '';
  const [path = '', ...query] = target.split('?');
  return {
    method: request.method ?? '',
    target,
    path,
    query: query.join('?'),
    headers: request.headers,
    range: request.headers.range,
    status: undefined,
    requestBytes: 0,
    responseBytes: 0,
    answeredBy: 'proxy',
    state: 'open',
  };
}
