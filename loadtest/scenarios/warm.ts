/**
 * Warm reads: a set of objects is written and read once through Forebay, then read at random by every
 * virtual user. Each answer must be whole and a HIT. The objects stay in the bucket, under loadtest/warm/.
 */
import { check } from 'k6';
import { randomBytes } from 'k6/crypto';
import http, { type RefinedResponse, type ResponseType } from 'k6/http';
import { Rate } from 'k6/metrics';
import type { Options } from 'k6/options';
import { signed, type Unsigned } from '../lib/sigv4.ts';
import { loadFromEnv, targetFromEnv } from '../lib/target.ts';
import { warmThresholds } from '../thresholds.ts';

const target = targetFromEnv();
const load = loadFromEnv({ virtualUsers: 4, seconds: 10, objects: 64, objectBytes: 64 * 1024 });
const hits = new Rate('forebay_hits');

export const options: Options = {
  scenarios: {
    warm: { executor: 'constant-vus', vus: load.virtualUsers, duration: `${load.seconds}s` },
  },
  thresholds: warmThresholds,
  discardResponseBodies: true,
  setupTimeout: '120s',
  summaryTrendStats: ['min', 'med', 'p(95)', 'p(99)', 'max'],
};

export function setup(): void {
  for (let index = 0; index < load.objects; index += 1) {
    const path = pathOf(index);
    sendInSetup({ method: 'PUT', host: target.host, path, body: randomBytes(load.objectBytes) });
    sendInSetup({ method: 'GET', host: target.host, path });
  }
}

export default function readWarm(): void {
  const path = pathOf(Math.floor(Math.random() * load.objects));
  const reply = send({ method: 'GET', host: target.host, path }, 'none');
  hits.add(reply.headers['X-Cache'] === 'HIT');
  check(reply, {
    'status is 200': ({ status }) => status === 200,
    'length is that of the object': ({ headers }) => headers['Content-Length'] === String(load.objectBytes),
  });
}

function pathOf(index: number): string {
  return `/${target.bucket}/loadtest/warm/${index}.bin`;
}

function send<T extends ResponseType>(request: Unsigned, responseType: T): RefinedResponse<T> {
  const { path, headers } = signed(request, target.credentials);
  const url = `${target.endpoint}${path}`;
  // One name for all keys: otherwise each key becomes a time series of its own.
  const tags = { name: `${request.method} object` };
  return http.request(request.method, url, request.body ?? null, { headers, tags, responseType });
}

function sendInSetup(request: Unsigned): void {
  const { status, body, error } = send(request, 'text');
  if (status === 200) return;
  const code = /<Code>([^<]*)/.exec(body ?? '')?.[1] ?? error;
  throw new Error(`${request.method} ${request.path} was answered with ${status} ${code}`);
}
