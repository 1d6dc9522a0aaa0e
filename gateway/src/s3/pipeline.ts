/**
 * The way of one S3 request: raw target, signature, operation, permission, handler, answer. Nothing is
 * thrown out of it: every error becomes its document here, and what a client sent and nobody read is dealt
 * with here.
 */
import { AddressRanges } from '@forebay/core/address-ranges';
import type { CacheNode } from '@forebay/core/cache-node';
import type { Cells } from '@forebay/core/changes';
import type { Clock } from '@forebay/core/clock';
import type { Log } from '@forebay/core/log';
import type { Mount } from '@forebay/core/mount';
import type { HeaderList } from '@forebay/core/object';
import type { Registry } from '@forebay/core/registry';
import { SigningKeys } from '@forebay/core/sigv4';
import { asChild, inSpan, type Span } from '@forebay/core/tracing';
import type { Ufs } from '@forebay/ufs/ufs';
import type { UfsService } from '@forebay/ufs/ufs-service';
import type { Exchange } from '../exchange.ts';
import type { GatewayMetrics } from '../metrics.ts';
import { ListCache } from '../namespace/list-cache.ts';
import type { GatewayConfig } from '../settings.ts';
import { ObjectWriter } from '../write-object.ts';
import { lengthOf, writeAnswer, writeRest } from './answer.ts';
import type { AuthDeps } from './auth/types.ts';
import { asSeenBy, authorise, withoutHidden } from './authorise.ts';
import { CorsConfigurations } from './cors/cors-configurations.ts';
import { CrossOrigin } from './cors/cross-origin.ts';
import { ErrorReporter } from './error-reporter.ts';
import { S3Error } from './errors.ts';
import { whiteSpaceUntil } from './late-answer.ts';
import type { Operation, OperationDeps } from './operation.ts';
import { OperationLookup } from './operation-lookup.ts';
import { operationTable } from './operation-table.ts';
import { type ReceiveDeps, ReceivedRequest } from './receive.ts';
import { SoonAnswer } from './soon-answer.ts';
import type { S3Answer, S3Handler, S3HandlerNow, S3Request } from './types.ts';
import { dropUnreadBody, unreadBodyOf } from './unread-body.ts';

export interface PipelineOptions {
  readonly registry: Registry;
  readonly cacheNode: CacheNode;
  readonly ufsOf: (mount: Mount) => Ufs | Promise<Ufs>;
  readonly serviceOf: (pattern: Mount) => UfsService | Promise<UfsService>;
  readonly credentials: AuthDeps['credentials'];
  readonly settings: GatewayConfig;
  readonly listPages: GatewayMetrics['listPages'];
  readonly clock: Clock;
  readonly log: Log;
  readonly cells?: Cells | undefined;
}

/** A request that may go on: its signature holds, and its signer may do what it asks for. */
export interface Admitted {
  readonly operation: Operation;
  readonly request: S3Request;
}

export class Pipeline {
  /** `x-amz-id-2`: which node answered. */
  readonly hostId: string;
  readonly #registry: Registry;
  readonly #receiveDeps: ReceiveDeps;
  readonly #lookup = new OperationLookup(operationTable);
  readonly #handlers = new Map<Operation, S3Handler>();
  readonly #handlersNow = new Map<Operation, S3HandlerNow>();
  readonly #errors: ErrorReporter;
  readonly #crossOrigin: CrossOrigin;
  readonly #settings: GatewayConfig;
  readonly #zeroCopy: boolean;
  readonly #clock: Clock;
  /** Of every answer. */
  readonly sameHeaders: HeaderList;

  constructor(options: PipelineOptions) {
    this.#registry = options.registry;
    this.#settings = options.settings;
    this.#zeroCopy = options.settings.zeroCopy === 'auto';
    const { settings, credentials, clock } = options;
    this.#clock = clock;
    this.#receiveDeps = {
      auth: { credentials, clock, sigv2: settings.sigv2, signingKeys: new SigningKeys() },
      domains: settings.domains.map((domain) => domain.toLowerCase()),
      trustedProxies: new AddressRanges(settings.trustedProxies),
    };
    this.hostId = Buffer.from(options.cacheNode.nodeId).toString('base64');
    this.sameHeaders = [
      ['x-amz-id-2', this.hostId],
      ['server', 'Forebay'],
    ];
    this.#errors = new ErrorReporter({
      log: options.log,
      clock,
      hostId: this.hostId,
      mountPathOf: (bucket, key) => options.registry.view().mounts.resolve(bucket, key)?.mount.path,
    });
    const cors = new CorsConfigurations(options);
    this.#crossOrigin = new CrossOrigin({ registry: options.registry, configurations: cors });
    const { listPages: pages, cells } = options;
    const lists = new ListCache({ clock, bytesMax: settings.listCacheBytesMax, pages, cells });
    const writer = new ObjectWriter(options.cacheNode, lists);
    const deps: OperationDeps = { ...options, cors, writer, lists };
    for (const operation of operationTable) {
      const handler = operation.read?.(deps) ?? operation.write?.(deps);
      if (handler) this.#handlers.set(operation, handler);
      const now = operation.readNow?.(deps);
      if (now) this.#handlersNow.set(operation, now);
    }
  }

  /**
   * The answer to a read, where nothing has to be waited for: a hit at hand, or an error. Otherwise
   * undefined, and it comes by the exchange's `soon`, where that is there now; or `handle` goes on where this
   * stopped. Never throws.
   */
  answerNow(exchange: Exchange): S3Answer | undefined {
    const { span } = exchange;
    return span ? this.#answerNowIn(span, exchange) : this.#answerNow(exchange);
  }

  #answerNowIn(span: Span, exchange: Exchange): S3Answer | undefined {
    return inSpan(span, () => this.#answerNow(exchange));
  }

  #answerNow(exchange: Exchange): S3Answer | undefined {
    if (!isPlainRead(exchange)) return undefined;
    try {
      const received = this.#receive(exchange);
      const admitted = this.#letIn(exchange, received);
      exchange.admitted = admitted;
      const { operation, request } = admitted;
      const handler = this.#handlersNow.get(operation);
      if (!handler) return undefined;
      const soon = new SoonAnswer((make) => this.#answerLater(exchange, request, make));
      const answer = handler(request, soon);
      if (answer) return withoutHidden(request, answer);
      if (soon.leave) exchange.soon = soon;
      return undefined;
    } catch (error) {
      const { admitted } = exchange;
      return this.#errors.answer(exchange, admitted ? asSeenBy(admitted.request, error) : error);
    }
  }

  #answerLater(exchange: Exchange, request: S3Request, make: () => S3Answer): S3Answer {
    try {
      return withoutHidden(request, make());
    } catch (error) {
      return this.#errors.answer(exchange, asSeenBy(request, error));
    }
  }

  /** Of an exchange without streams: its client has gone, and nobody waits for its answer. */
  leave(exchange: Exchange): void {
    exchange.soon?.leave?.();
    this.#errors.answer(exchange, new Error('the client has gone'));
  }

  handle(exchange: Exchange): Promise<void> {
    const { span } = exchange;
    return span ? inSpan(span, () => this.#handle(exchange)) : this.#handle(exchange);
  }

  async #handle(exchange: Exchange): Promise<void> {
    let { answer } = exchange;
    try {
      if (!answer && exchange.soon) answer = await exchange.soon.whenThereOr(exchange.signal);
      answer ??= this.#lateOrNot(exchange, await this.#answer(exchange));
    } catch (error) {
      answer = this.#errors.answer(exchange, error);
    }
    try {
      await this.#send(exchange, answer);
    } catch (error) {
      await this.#send(exchange, this.#errors.answer(exchange, error));
    }
  }

  /** Errors that come late have their document in place of the result's, under the 200 that went out. */
  #lateOrNot(exchange: Exchange, answer: S3Answer): S3Answer {
    if (!answer.late) return answer;
    const document = answer.late.then(
      ({ body }) => String(body),
      (error: unknown) => String(this.#errors.answer(exchange, error).body),
    );
    const { status, headers } = answer;
    const body = whiteSpaceUntil(document, this.#settings.whiteSpaceIntervalMs);
    return { status, headers, chunked: true, body };
  }

  async refuseOverload(exchange: Exchange): Promise<void> {
    const error = new S3Error('SlowDown', { headers: [['retry-after', '1']] });
    await this.#send(exchange, this.#errors.answer(exchange, error));
  }

  async #answer(exchange: Exchange): Promise<S3Answer> {
    let { admitted } = exchange;
    if (!admitted) {
      const received = this.#receive(exchange);
      if (received.method === 'OPTIONS') return this.#crossOrigin.preflight(exchange, received.headers);
      admitted = received.isForm
        ? this.#admit(exchange, received, await received.readForm())
        : this.#letIn(exchange, received);
    }
    const { operation, request } = admitted;
    const handler = this.#handlers.get(operation);
    if (!handler) throw new Error(`the operation ${operation.name} has no handler`);
    const seen = (error: unknown) => {
      throw asSeenBy(request, error);
    };
    const answer = withoutHidden(request, await handler(request).catch(seen));
    return answer.late ? { ...answer, late: answer.late.catch(seen) } : answer;
  }

  #receive(exchange: Exchange): ReceivedRequest {
    const received = new ReceivedRequest(exchange, this.#receiveDeps);
    // Named before the signature is checked, so that refused requests have a name in log and metrics too.
    if (received.method !== 'OPTIONS') {
      exchange.operation = this.#lookup.find(received).operation?.name ?? 'Unknown';
    }
    return received;
  }

  /** @throws S3Error for what its signature, or its signer, does not allow */
  #letIn(exchange: Exchange, received: ReceivedRequest): Admitted {
    const span = exchange.span?.child('authenticate', 'internal');
    try {
      return this.#admit(exchange, received, received.authenticate());
    } finally {
      span?.end();
    }
  }

  /** @throws S3Error for what is no operation, and where its signer may not do it */
  #admit(exchange: Exchange, received: ReceivedRequest, request: S3Request): Admitted {
    exchange.principal = request.principal;
    const { method, target, query } = received;
    const { operation, error } = this.#lookup.find({ method, target, query, headers: request.headers });
    exchange.operation = operation?.name ?? 'Unknown';
    if (error) throw error;
    authorise(this.#registry, operation, request);
    return { operation, request };
  }

  /** An answer that is on its way already. */
  async #sendRest(exchange: Exchange, answer: S3Answer, bodyBytes: number): Promise<void> {
    const { status, body, headers } = answer;
    exchange.status = status;
    exchange.answerHeaders = headers;
    exchange.cache = answer.cache;
    const lengthBytes = lengthOf(answer, body as AsyncIterable<Uint8Array>);
    const begun = { status, bodyBytes, lengthBytes, zeroCopy: this.#zeroCopy };
    exchange.sent = await writeRest(exchange.outgoing, body as AsyncIterable<Uint8Array>, begun);
    if (exchange.sent.end === 'cut') this.#errors.cut(exchange, exchange.sent.cause);
  }

  /** What the body still has to fetch is in the course of `read`. */
  #send(exchange: Exchange, answer: S3Answer): Promise<void> {
    if (!exchange.span) return this.#sendNow(exchange, answer);
    return asChild({ name: 'read', kind: 'internal' }, () => this.#sendNow(exchange, answer));
  }

  async #sendNow(exchange: Exchange, answer: S3Answer): Promise<void> {
    exchange.answeredMs = this.#clock.monotonicMs();
    if (exchange.begunBytes !== undefined) {
      await this.#sendRest(exchange, answer, exchange.begunBytes);
      return;
    }
    const { outgoing, incoming, expectsContinue, bodyAsked } = exchange;
    exchange.cache = answer.cache;
    exchange.answerHeaders = answer.headers;
    const crossOrigin = await this.#crossOrigin.headersOf(exchange);
    const unread = unreadBodyOf(exchange);
    const isSending = unread === 'long' && (bodyAsked || !expectsContinue);
    exchange.sent = await writeAnswer(outgoing, answer, {
      baseHeaders: [['x-amz-request-id', exchange.id], ...this.sameHeaders, ...crossOrigin],
      headOnly: incoming.method === 'HEAD',
      closeConnection: unread === 'long',
      zeroCopy: this.#zeroCopy,
      beforeEnd: isSending ? () => dropUnreadBody(incoming) : undefined,
    });
    if (outgoing.headersSent) exchange.status = outgoing.statusCode;
    if (unread === 'short') incoming.resume();
    if (exchange.sent.end === 'cut') this.#errors.cut(exchange, exchange.sent.cause);
  }
}

/** Without anything that asks for more than its answer: a body, 100 Continue, a browser's rules. */
function isPlainRead({ head, headers }: Exchange): boolean {
  return (
    (head.method === 'GET' || head.method === 'HEAD') &&
    headers.get('content-length') === undefined &&
    headers.get('transfer-encoding') === undefined &&
    headers.get('expect') === undefined &&
    headers.get('origin') === undefined
  );
}
