/**
 * From Node's raw request to an S3Request: target, host, headers, and, when asked, who signed it and its
 * body.
 */
import type { AddressRanges } from '@forebay/core/address-ranges';
import type { Exchange } from '../exchange.ts';
import { authenticate } from './auth/authenticate.ts';
import { ForwardedOrigin } from './auth/client-origin.ts';
import { clientHost } from './auth/forwarded-host.ts';
import type { AuthDeps, Authenticated } from './auth/types.ts';
import { S3Error } from './errors.ts';
import { isFormPost, receiveForm } from './form/receive-form.ts';
import type { RawHeaders } from './headers.ts';
import type { OperationTarget } from './operation.ts';
import { createRequestBody, noBody } from './payload/request-body.ts';
import { type ParsedTarget, parseTarget } from './raw-target.ts';
import type { Principal, Query, RequestBody, S3Request } from './types.ts';

export interface ReceiveDeps {
  readonly auth: AuthDeps;
  readonly domains: readonly string[];
  readonly trustedProxies: AddressRanges;
}

/** What is known of a request before anyone vouches for it. */
export class ReceivedRequest {
  readonly method: string;
  readonly target: OperationTarget;
  readonly query: Query;
  readonly headers: RawHeaders;
  readonly #exchange: Exchange;
  readonly #deps: ReceiveDeps;
  readonly #host: string;
  readonly #parsed: ParsedTarget;

  /** @throws S3Error BadRequest, InvalidURI, InvalidBucketName, KeyTooLongError */
  constructor(exchange: Exchange, deps: ReceiveDeps) {
    const { head, headers } = exchange;
    if (headers.get('host') === undefined && head.isHttp11) {
      throw new S3Error('BadRequest', { message: 'The Host header is missing.' });
    }
    const { trustedProxies } = deps;
    const peerAddress = head.socket.remoteAddress;
    const host = clientHost({ headers, peerAddress, trustedProxies });
    const parsed = parseTarget(head.target, host, deps.domains);
    const { bucket, key, query } = parsed;
    exchange.bucket = bucket;
    exchange.key = key;
    this.method = head.method;
    this.target = key !== undefined ? 'object' : bucket !== undefined ? 'bucket' : 'service';
    this.query = query;
    this.headers = headers;
    this.#exchange = exchange;
    this.#deps = deps;
    this.#host = host;
    this.#parsed = parsed;
  }

  /** An upload form: who signed it stands in its body. */
  get isForm(): boolean {
    return isFormPost({ method: this.method, target: this.#parsed, headers: this.headers });
  }

  /** @throws S3Error for whatever is wrong with the form, its signature or its policy */
  readForm(): Promise<S3Request> {
    const exchange = this.#exchange;
    const form = {
      method: this.method,
      target: this.#parsed,
      headers: this.headers,
      host: this.#host,
      client: new ForwardedOrigin(
        this.headers,
        exchange.head.socket.remoteAddress,
        this.#deps.trustedProxies,
      ),
      exchange,
      askForBody: () => askForBody(exchange),
    };
    return receiveForm(form, this.#deps.auth);
  }

  /** @throws S3Error for whatever is wrong with signature, clock, credentials or the framing of the body */
  authenticate(): S3Request {
    const { method } = this;
    const auth = { method, target: this.#parsed, headers: this.headers, host: this.#host };
    const authenticated = authenticate(auth, this.#deps.auth);
    return new SignedRequest(this.#exchange, {
      parsed: this.#parsed,
      host: this.#host,
      trustedProxies: this.#deps.trustedProxies,
      authenticated,
    });
  }
}

/** A request whose signer is known. */
class SignedRequest implements S3Request {
  readonly id: string;
  readonly method: string;
  readonly bucket: string | undefined;
  readonly key: string | undefined;
  readonly query: Query;
  readonly headers: RawHeaders;
  readonly host: string;
  readonly virtualHost: boolean;
  readonly principal: Principal;
  readonly client: ForwardedOrigin;
  readonly body: RequestBody;
  readonly #exchange: Exchange;

  constructor(
    exchange: Exchange,
    of: {
      readonly parsed: ParsedTarget;
      readonly host: string;
      readonly trustedProxies: AddressRanges;
      readonly authenticated: Authenticated;
    },
  ) {
    const { head, headers } = exchange;
    const { bucket, key, query, virtualHost } = of.parsed;
    const { principal, effectiveHeaders } = of.authenticated;
    this.id = exchange.id;
    this.method = head.method;
    this.bucket = bucket;
    this.key = key;
    this.query = query;
    this.headers = effectiveHeaders;
    this.host = of.host;
    this.virtualHost = virtualHost;
    this.principal = principal;
    this.client = new ForwardedOrigin(headers, head.socket.remoteAddress, of.trustedProxies);
    this.body = bodyOf(exchange, query, of.authenticated);
    this.#exchange = exchange;
  }

  get signal(): AbortSignal {
    return this.#exchange.signal;
  }
}

function bodyOf(
  exchange: Exchange,
  query: Query,
  { effectiveHeaders, payloadMode }: Authenticated,
): RequestBody {
  const { method } = exchange.head;
  if (method === 'GET' || method === 'HEAD') return noBody;
  return createRequestBody({
    incoming: exchange.incoming,
    headers: effectiveHeaders,
    mode: payloadMode,
    method,
    onFirstRead: () => askForBody(exchange),
    // CompleteMultipartUpload's checksums are the whole object's, and the UFS's to check.
    checksumsDescribe: method === 'POST' && query.has('uploadId') ? 'object' : 'body',
  });
}

/**
 * 100 Continue goes out when somebody begins to read, so that a refusal costs the client no upload (S3-WIRE
 * 9).
 */
function askForBody(exchange: Exchange): void {
  exchange.bodyAsked = true;
  if (exchange.expectsContinue && !exchange.outgoing.headersSent) exchange.outgoing.writeContinue();
}
