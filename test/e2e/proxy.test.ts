/**
 * Behind nginx, which rewrites Host: what clients sign holds where Forebay trusts the proxy, and nowhere
 * else. Path style and virtual-host style, plain and TLS.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { signedFields } from '@forebay/gateway/testing/upload-form';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CountingProxy, startCountingProxy } from '../support/counting-proxy.ts';
import { type ForebayProcess, s3Mount, startForebay } from '../support/forebay-process.ts';
import { type Nginx, startNginx } from '../support/nginx.ts';
import { linkV2, linkV4 } from '../support/presigned.ts';
import { mustRun, run } from '../support/process.ts';
import { runPython } from '../support/python.ts';
import { type S3Server, startVersitygw } from '../support/servers.ts';
import { tempDir } from '../support/temp.ts';
import { needs } from '../support/tools.ts';
import { signCall, WireClient } from '../support/wire-client.ts';

const domain = 's3.forebay.test';

describe('behind nginx', await needs('nginx', 'versitygw', 'python'), () => {
  const home = tempDir('proxy');
  let server: S3Server;
  let store: CountingProxy;
  let trusting: ForebayProcess;
  let strict: ForebayProcess;
  let front: Nginx;
  let strictFront: Nginx;

  beforeAll(async () => {
    server = await startVersitygw();
    await server.createBucket('lake');
    store = await startCountingProxy({ target: server });
    const { mount, env } = s3Mount('/lake', store, 'lake');
    const flags = ['--domain', domain];
    trusting = await startForebay({
      mounts: [mount],
      env,
      flags: [...flags, '--trusted-proxy', '127.0.0.1'],
    });
    strict = await startForebay({ mounts: [mount], env, flags });
    front = await startNginx(trusting.endpoint);
    strictFront = await startNginx(strict.endpoint);
  });
  afterAll(async () => {
    await front?.stop();
    await strictFront?.stop();
    await trusting?.remove();
    await strict?.remove();
    await store?.stop();
    await server?.stop();
  });

  const through = ({ port }: Nginx) => ({ ...trusting, endpoint: `http://127.0.0.1:${port}` });

  /** curl signs what it sends; names lead to this machine. */
  function curl(url: string, more: readonly string[] = []): Promise<string> {
    const signing = [
      '--aws-sigv4',
      'aws:amz:us-east-1:s3',
      '--user',
      `${trusting.accessKey}:${trusting.secretKey}`,
    ];
    const names = ['--connect-to', `lake.${domain}::127.0.0.1:`, '--connect-to', `${domain}::127.0.0.1:`];
    const hash = ['-H', 'x-amz-content-sha256: UNSIGNED-PAYLOAD'];
    return mustRun('curl', ['-sS', '-k', ...signing, ...hash, ...names, ...more, url]);
  }

  it('a client that signs the name of the proxy is understood, with any key', async () => {
    const result = await runPython(
      through(front),
      `
      result = []
      for key in ['a b+c%2F', 'é/ﬁ', '(1)!*', '~', 'k']:
          s3.put_object(Bucket='lake', Key=key, Body=b'hello')
          result.append(s3.get_object(Bucket='lake', Key=key)['Body'].read().decode())
      `,
    );
    expect(result).toEqual(Array(5).fill('hello'));
  });

  it('the same is a wrong signature where the proxy is not trusted', async () => {
    const client = new WireClient(through(strictFront));
    expect(await client.send({ path: '/lake' })).toMatchObject({
      status: 403,
      code: 'SignatureDoesNotMatch',
    });
    client.close();
  });

  it('links hold, of both versions', async () => {
    const client = new WireClient(through(front));
    await client.put('/lake/linked', Buffer.from('text'));
    client.close();
    for (const link of [linkV4, linkV2]) {
      const target = link(through(front), { method: 'GET', path: '/lake/linked', expiresInSeconds: 60 });
      const answer = await fetch(`${through(front).endpoint}${target}`);
      expect([answer.status, await answer.text()]).toEqual([200, 'text']);
    }
  });

  it('buckets may be host names, over TLS too', async () => {
    writeFileSync(join(home, 'up'), 'virtual');
    for (const origin of [`http://lake.${domain}:${front.port}`, `https://lake.${domain}:${front.tlsPort}`]) {
      const said = await curl(`${origin}/style`, ['-T', join(home, 'up')]);
      expect(said).toBe('');
      expect(await curl(`${origin}/style`)).toBe('virtual');
    }
    const path = `https://${domain}:${front.tlsPort}/lake/style`;
    expect(await curl(path)).toBe('virtual');
  });

  it('the place of an upload is told as the client sees it', async () => {
    const fields = signedFields('lake', { key: 'form' }, { signer: trusting });
    const form = Object.entries(fields).flatMap(([name, value]) => ['--form-string', `${name}=${value}`]);
    for (const [origin, location] of [
      [`https://127.0.0.1:${front.tlsPort}/lake`, `https://127.0.0.1:${front.tlsPort}/lake/form`],
      [`http://127.0.0.1:${strictFront.port}/lake`, `${strict.endpoint}/lake/form`],
    ] as const) {
      const shown = await run('curl', ['-sS', '-k', '-D', '-', ...form, '-F', 'file=text', origin]);
      expect(shown.stdout).toMatch(/^HTTP\/1\.1 204/);
      expect(/^location: (.*)\r$/im.exec(shown.stdout)?.[1]).toBe(location);
    }
  });

  it('headers of the connection and of the client stay on its side', async () => {
    const headers = {
      te: 'trailers',
      'proxy-authorization': 'Basic eDp5',
      'keep-alive': 'timeout=5',
      'x-forwarded-for': '203.0.113.9',
      cookie: 'a=b',
      'x-amz-meta-kept': 'yes',
    };
    const client = new WireClient(trusting);
    store.reset();
    const signed = signCall(trusting, { method: 'PUT', path: '/lake/hops', headers, body: Buffer.from('x') });
    const sent = { ...signed, headers: { ...signed.headers, connection: 'keep-alive, te' } };
    expect((await client.sendSigned(sent, Buffer.from('x'))).status).toBe(200);
    client.close();
    await store.idle();
    const [put] = store.requests.filter(({ method }) => method === 'PUT');
    const names = [
      'te',
      'proxy-authorization',
      'keep-alive',
      'x-forwarded-for',
      'cookie',
      'x-forwarded-host',
    ];
    for (const name of names) expect([name, put?.headers[name]]).toEqual([name, undefined]);
    expect(put?.headers['x-amz-meta-kept']).toBe('yes');
    expect(put?.headers.authorization).toContain(`Credential=${server.accessKey}/`);
  });
});
