/**
 * The gateway: one HTTP server that speaks S3. Hono is the front door; its middleware, in order, is the
 * table of contents of a request's way: observe, admit, S3. The path belongs to keys alone and is no
 * business of routes: it is kept raw, and Hono always sees `/`, so that no key is normalised, refused or
 * mistaken for a route (S3-WIRE 1, 2).
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { CacheNode } from '@forebay/core/cache-node';
import type { Cells } from '@forebay/core/changes';
import type { Clock } from '@forebay/core/clock';
import type { Log } from '@forebay/core/log';
import type { Metrics } from '@forebay/core/metrics';
import type { Mount } from '@forebay/core/mount';
import type { Registry } from '@forebay/core/registry';
import type { Tracer } from '@forebay/core/tracing';
import type { TrafficReport } from '@forebay/core/traffic';
import type { Ufs } from '@forebay/ufs/ufs';
import type { UfsService } from '@forebay/ufs/ufs-service';
import { getRequestListener } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { Hono } from 'hono';
import { AccessLog, type LineSink } from './access-log/access-log.ts';
import { answerClientError, stalledError } from './client-error.ts';
import { closeStalled, drainServer, OpenConnections } from './connections.ts';
import { Exchange, headOf } from './exchange.ts';
import { HeadText } from './head-text.ts';
import { declareGatewayMetrics, type GatewayMetrics } from './metrics.ts';
import { Observer } from './observer.ts';
import type { AuthDeps } from './s3/auth/types.ts';
import { Pipeline, type PipelineOptions } from './s3/pipeline.ts';
import type { GatewayConfig } from './settings.ts';
import { ShortWay } from './short-way.ts';
import { TracedCacheNode } from './traced-cache-node.ts';

export interface GatewayOptions {
  readonly registry: Registry;
  readonly cacheNode: CacheNode;
  readonly ufsOf: (mount: Mount) => Ufs | Promise<Ufs>;
  readonly serviceOf: (pattern: Mount) => UfsService | Promise<UfsService>;
  readonly credentials: AuthDeps['credentials'];
  readonly settings: GatewayConfig;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Log;
  /** Where this gateway is several processes: what they tell each other of changes. */
  readonly cells?: Cells | undefined;
  /** Where the access log goes, and whom to tell of lines that were dropped. Undefined: there is none. */
  readonly openAccessLines?: ((onDropped: (lines: number) => void) => LineSink) | undefined;
  /** Undefined: no request is traced. */
  readonly tracer?: Tracer | undefined;
}

export interface Gateway {
  /** A server that is not listening yet; several may share the gateway. */
  createServer(): Server;
  /**
   * Takes no new connections and lets requests under way end, for at most `deadlineMs`; then cuts what is
   * left. Resolves when every connection is closed.
   */
  drain(deadlineMs: number): Promise<void>;
  /** What is hot, and what was slow. */
  traffic(): TrafficReport;
}

export function createGateway(options: GatewayOptions): Gateway {
  const { settings, clock } = options;
  const metrics = declareGatewayMetrics(options.metrics, settings);
  const pipeline = pipelineOf({ ...options, listPages: metrics.listPages });
  const exchanges = new Exchanges();
  const observer = observerOf(options, metrics, pipeline.hostId);
  const front = frontOf({ ...options, metrics, observer, pipeline, exchanges });
  const shortWay = shortWayOf({ ...options, observer, pipeline });
  const servers = new Set<Server>();
  const connections = new OpenConnections(metrics.connections);
  let draining = false;

  const listenerFor = (expectsContinue: boolean) => (incoming: IncomingMessage, outgoing: ServerResponse) => {
    if (draining) outgoing.shouldKeepAlive = false;
    connections.spoke(incoming.socket);
    const exchange = shortWay.passedOn(incoming.socket) ?? new Exchange(headOf(incoming), clock);
    exchange.attach({ incoming, outgoing, expectsContinue });
    exchanges.add(exchange);
    front(exchange);
  };

  const refuse = (error: Error, socket: Socket) => {
    shortWay.giveUp(socket);
    const { hostId } = pipeline;
    const refused = answerClientError(error, socket, { hostId, ...settings, exchange: exchanges.on(socket) });
    if (refused) observer.refused(refused, socket);
  };

  return {
    createServer() {
      const server = newServer(settings);
      server.on('connection', (socket) => {
        connections.opened(socket);
        shortWay.adopt(socket);
      });
      shortWay.guard(server);
      server.on('request', listenerFor(false));
      server.on('checkContinue', listenerFor(true));
      // Any other expectation is ignored, not answered 417 (S3-WIRE 10).
      server.on('checkExpectation', listenerFor(false));
      server.on('timeout', (socket) => {
        if (shortWay.giveUp(socket)) return;
        const stalled = { socket, exchange: exchanges.on(socket), idleTimeoutMs: settings.idleTimeoutMs };
        closeStalled({ ...stalled, refuse: () => refuse(stalledError, socket) });
      });
      server.on('clientError', (error, socket) => refuse(error, socket as Socket));
      server.on('close', () => servers.delete(server));
      servers.add(server);
      return server;
    },
    traffic: () => observer.traffic.report(),
    async drain(deadlineMs) {
      draining = true;
      shortWay.close();
      const drained = [...servers].map((server) => drainServer(server, deadlineMs));
      connections.close();
      await Promise.all(drained);
    },
  };
}

function observerOf(options: GatewayOptions, metrics: GatewayMetrics, hostId: string): Observer {
  const { openAccessLines, settings, clock } = options;
  const sink = openAccessLines?.((lines) => metrics.accessLogDropped.inc({}, lines));
  const accessLog = sink && new AccessLog({ sink, settings, clock, hostId });
  return new Observer({ ...options, metrics, accessLog });
}

function pipelineOf(options: PipelineOptions & Pick<GatewayOptions, 'tracer'>): Pipeline {
  const { cacheNode, tracer } = options;
  return new Pipeline({ ...options, cacheNode: tracer ? new TracedCacheNode(cacheNode) : cacheNode });
}

function shortWayOf(options: Omit<WayOptions, 'metrics'>): ShortWay {
  const { observer, pipeline, settings, clock, log } = options;
  const { keepAliveTimeoutMs } = settings;
  const wallMs = () => clock.wallMs();
  return new ShortWay({
    ...settings,
    zeroCopy: settings.zeroCopy === 'auto',
    onDefect: ({ id }, error) => log.error({ id, err: error }, 'a request could not be told of'),
    answerNow: (exchange) => pipeline.answerNow(exchange),
    leave: (exchange) => pipeline.leave(exchange),
    headText: new HeadText({ sameHeaders: pipeline.sameHeaders, keepAliveTimeoutMs, wallMs }),
    observer,
    clock,
  });
}

interface WayOptions {
  readonly metrics: GatewayMetrics;
  readonly observer: Observer;
  readonly pipeline: Pipeline;
  readonly settings: GatewayConfig;
  readonly clock: Clock;
  readonly log: Log;
}

type Way = Hono<{ Bindings: Exchange }>;

/** A request's way, in order. Every stage writes on the raw response, so none of them may touch Hono's. */
function wayOf(options: WayOptions): Way {
  const { metrics, observer, pipeline, settings } = options;
  return new Hono<{ Bindings: Exchange }>()
    .use(async ({ env }, next) => {
      observer.begin(env);
      await next();
      observer.end(env);
    })
    .use(async ({ env }, next) => {
      if (observer.inFlight > settings.requestsInFlightMax) {
        metrics.refused.inc({ reason: 'in_flight' });
        await pipeline.refuseOverload(env);
        return RESPONSE_ALREADY_SENT;
      }
      return next();
    })
    .all('*', async ({ env }) => {
      await pipeline.handle(env);
      return RESPONSE_ALREADY_SENT;
    })
    .onError((error, { env }) => {
      onDefect(options, env, error);
      return RESPONSE_ALREADY_SENT;
    });
}

/**
 * Where Node's requests go on. Hono rewraps some answers (HEAD), and the adapter would write them again: it
 * never sees them. What was let in already needs no second door.
 */
function frontOf(options: WayOptions & { readonly exchanges: Exchanges }): (exchange: Exchange) => void {
  const { exchanges, observer, pipeline } = options;
  const way = wayOf(options);
  const listener = getRequestListener(
    async (request, { incoming }) => {
      await way.fetch(request, exchanges.of(incoming as IncomingMessage));
      return RESPONSE_ALREADY_SENT;
    },
    // Unread bodies are ours to judge (unread-body.ts), and the process's Request and Response stay.
    { autoCleanupIncoming: false, overrideGlobalObjects: false },
  );
  const sendAnswer = async (exchange: Exchange): Promise<void> => {
    observer.begin(exchange);
    try {
      await pipeline.handle(exchange);
    } catch (error) {
      onDefect(options, exchange, error);
    }
    observer.end(exchange);
  };
  return (exchange) => {
    if (exchange.admitted || exchange.answer) {
      void sendAnswer(exchange);
      return;
    }
    hideTarget(exchange.incoming);
    void listener(exchange.incoming, exchange.outgoing);
  };
}

/** The pipeline lets nothing out: this is a defect, and the answer's state is unknown. */
function onDefect({ log }: Pick<WayOptions, 'log'>, exchange: Exchange, error: unknown): void {
  log.error({ id: exchange.id, err: error }, 'a request failed outside the pipeline');
  exchange.outgoing.destroy();
}

function newServer(settings: GatewayConfig): Server {
  const server = createServer(serverOptionsOf(settings));
  server.maxConnections = settings.connectionsMax;
  // Bytes bound the head; over a count Node would leave headers out without a word, signed ones too.
  server.maxHeadersCount = 0;
  server.setTimeout(settings.idleTimeoutMs);
  return server;
}

function serverOptionsOf(settings: GatewayConfig) {
  return {
    // An upload may take hours; a stalled one is found by `closeStalled`.
    requestTimeout: 0,
    headersTimeout: settings.headersTimeoutMs,
    connectionsCheckingInterval: Math.min(5000, settings.headersTimeoutMs),
    keepAliveTimeout: settings.keepAliveTimeoutMs,
    maxHeaderSize: settings.headerBytesMax,
    highWaterMark: 256 * 1024,
    noDelay: true,
    // Our own answer to it is an S3 error document.
    requireHostHeader: false,
  };
}

/** The adapter must not parse what clients send as target and host: it refuses or rewrites some of it. */
function hideTarget(incoming: IncomingMessage): void {
  incoming.url = '/';
  incoming.headers.host = 'localhost';
}

/** Exchanges by their request, and the latest one of each connection. */
class Exchanges {
  readonly #byRequest = new WeakMap<IncomingMessage, Exchange>();
  readonly #bySocket = new WeakMap<Socket, Exchange>();

  add(exchange: Exchange): void {
    this.#byRequest.set(exchange.incoming, exchange);
    this.#bySocket.set(exchange.incoming.socket, exchange);
  }

  of(incoming: IncomingMessage): Exchange {
    const exchange = this.#byRequest.get(incoming);
    if (!exchange) throw new Error('a request without an exchange');
    return exchange;
  }

  on(socket: Socket): Exchange | undefined {
    return this.#bySocket.get(socket);
  }
}
