/**
 * CORS at the front: preflight requests, which browsers send unsigned, and the headers of answers to requests
 * with an Origin. Both follow the rules of the UFS bucket that holds the key (S3-WIRE 125).
 */
import type { HeaderList } from '@forebay/core/object';
import type { Registry } from '@forebay/core/registry';
import type { Exchange } from '../../exchange.ts';
import { S3Error } from '../errors.ts';
import { rootMountOf } from '../operations/resolve.ts';
import type { RequestHeaders, S3Answer } from '../types.ts';
import type { CorsConfigurations } from './cors-configurations.ts';
import { type CorsRule, corsHeaders } from './cors-rules.ts';

const notAllowed =
  'CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, ' +
  'request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted ' +
  "by the resource's CORS spec.";

export interface CrossOriginOptions {
  readonly registry: Registry;
  readonly configurations: CorsConfigurations;
}

export class CrossOrigin {
  readonly #registry: Registry;
  readonly #configurations: CorsConfigurations;

  constructor({ registry, configurations }: CrossOriginOptions) {
    this.#registry = registry;
    this.#configurations = configurations;
  }

  /** @throws S3Error BadRequest, AccessForbidden */
  async preflight(exchange: Exchange, headers: RequestHeaders): Promise<S3Answer> {
    exchange.operation = 'PreflightRequest';
    const origin = headers.get('origin');
    const method = headers.get('access-control-request-method');
    if (origin === undefined) {
      throw badRequest('Insufficient information. Origin request header needed.');
    }
    if (method === undefined) throw badRequest('Invalid Access-Control-Request-Method: null');
    const asked = headers.get('access-control-request-headers') ?? '';
    const names = asked.split(',').map((name) => name.trim().toLowerCase());
    const rules = await this.#rulesOf(exchange);
    const allowed = corsHeaders(rules, { origin, method, headers: names.filter((name) => name !== '') });
    if (allowed) return { status: 200, headers: allowed };
    throw new S3Error('AccessForbidden', {
      ...(rules.length > 0 && { message: notAllowed }),
      fields: { Method: method, ResourceType: exchange.key === undefined ? 'BUCKET' : 'OBJECT' },
    });
  }

  /** What an answer of any status says to the browser; nothing where no rule fits. */
  async headersOf(exchange: Exchange): Promise<HeaderList> {
    const { origin } = exchange.incoming.headers;
    const method = exchange.incoming.method ?? '';
    if (origin === undefined || method === 'OPTIONS') return [];
    return corsHeaders(await this.#rulesOf(exchange), { origin, method, headers: [] }) ?? [];
  }

  async #rulesOf({ bucket, key }: Exchange): Promise<readonly CorsRule[]> {
    if (bucket === undefined) return [];
    const { mounts } = this.#registry.view();
    const mount = mounts.resolve(bucket, key ?? '')?.mount ?? rootMountOf(mounts.ofBucket(bucket));
    return mount ? this.#configurations.rulesOf(mount) : [];
  }
}

function badRequest(message: string): S3Error {
  return new S3Error('BadRequest', { message });
}
