import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { SignatureV4 } from '@smithy/signature-v4';
import { afterEach, describe, expect, it } from 'vitest';
import { type S3Call, SigningS3Client } from './s3-client.ts';

const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function clientOf(answer: (incoming: IncomingMessage, outgoing: ServerResponse) => void) {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => once(server.close(), 'close'));
  const { port } = server.address() as { port: number };
  const target = {
    endpoint: `http://127.0.0.1:${port}`,
    accessKey: 'EXAMPLEKEY',
    secretKey: 'example-secret',
  };
  const client = new SigningS3Client(target, { connectionsMax: 1 });
  closers.push(() => client.close());
  return client;
}

type Data = string | Uint8Array | ArrayBuffer | ArrayBufferView;

/** The hash that the AWS signer wants handed in. */
class Sha256 {
  readonly #digest;
  constructor(secret?: Data) {
    this.#digest = secret === undefined ? createHash('sha256') : createHmac('sha256', secret as Uint8Array);
  }
  update(data: Data): void {
    this.#digest.update(data as Uint8Array);
  }
  async digest(): Promise<Uint8Array> {
    return new Uint8Array(this.#digest.digest());
  }
  reset(): void {
    throw new Error('the signer does not reset');
  }
}

/** What the AWS signer makes of the request that arrived, without its own authorization header. */
async function authorizationByAws(incoming: IncomingMessage): Promise<string | undefined> {
  const signer = new SignatureV4({
    credentials: { accessKeyId: 'EXAMPLEKEY', secretAccessKey: 'example-secret' },
    region: 'us-east-1',
    service: 's3',
    sha256: Sha256,
    uriEscapePath: false,
    applyChecksum: false,
  });
  const { authorization: _, connection: __, 'content-length': ___, ...headers } = incoming.headers;
  const url = new URL(incoming.url!, 'http://placeholder');
  const amzDate = String(headers['x-amz-date']);
  const time = amzDate.replace(/(....)(..)(..)T(..)(..)(..)Z/, '$1-$2-$3T$4:$5:$6Z');
  const signed = await signer.sign(
    {
      method: incoming.method!,
      protocol: 'http:',
      hostname: '127.0.0.1',
      path: incoming.url!.split('?')[0]!,
      query: Object.fromEntries(url.searchParams),
      headers: headers as Record<string, string>,
    },
    { signingDate: new Date(time) },
  );
  return signed.headers.authorization;
}

const calls: readonly (readonly [title: string, call: S3Call])[] = [
  ['a whole object', { method: 'GET', path: '/bucket/plain.bin' }],
  ['a range', { method: 'GET', path: '/bucket/plain.bin', range: { start: 3, endExclusive: 9 } }],
  ['a key with spaces and signs', { method: 'HEAD', path: "/bucket/a b+c/'ü'~(1)!*" }],
  [
    'a query',
    {
      method: 'GET',
      path: '/bucket',
      query: [
        ['prefix', 'a b/'],
        ['list-type', '2'],
      ],
    },
  ],
  ['a body', { method: 'PUT', path: '/bucket/new', body: Buffer.from('hello') }],
];

describe('the signing client', () => {
  it.each(calls)('signs %s as the AWS signer does', async (_, call) => {
    let arrived: IncomingMessage | undefined;
    const client = await clientOf((incoming, outgoing) => {
      arrived = incoming;
      incoming.resume();
      outgoing.end();
    });
    await client.send(call);
    expect(arrived!.headers.authorization).toBe(await authorizationByAws(arrived!));
  });

  it('says what the server said where it refuses', async () => {
    const client = await clientOf((_, outgoing) => {
      outgoing.writeHead(403);
      outgoing.end('<Error><Code>AccessDenied</Code></Error>');
    });
    await expect(client.send({ method: 'GET', path: '/bucket/key' })).rejects.toThrow(
      'GET /bucket/key was answered with 403 AccessDenied',
    );
  });

  it('takes a body that ends early for an error', async () => {
    const client = await clientOf((_, outgoing) => {
      outgoing.writeHead(200, { 'content-length': '10' });
      outgoing.write('short', () => outgoing.destroy());
    });
    await expect(client.send({ method: 'GET', path: '/bucket/key' })).rejects.toThrow(/aborted/);
  });
});
