import { KiB, MiB } from '@forebay/core/bytes';
import { afterEach, describe, expect, it } from 'vitest';
import { RawClient, signedHead } from './testing/raw-client.ts';
import { startTestGateway, type TestGateway } from './testing/test-gateway.ts';
import { testMount } from './testing/test-mount.ts';

const mount = testMount({ bucket: 'lake' });
const get = (key: string) => signedHead({ method: 'GET', target: `/lake/${key}` });
let gateway: TestGateway;
let raw: RawClient;

async function start(objects: Readonly<Record<string, string>>): Promise<void> {
  gateway = await startTestGateway([mount]);
  for (const [key, text] of Object.entries(objects)) {
    const body = (async function* () {
      yield Buffer.from(text);
    })();
    await gateway.ufsOf(mount).put(key, { sizeBytes: text.length, body, headers: [] });
  }
  raw = await RawClient.open(gateway.port);
}

afterEach(async () => {
  raw.close();
  await gateway.close();
});

/** The body of the first read stops behind its first piece; a later read is told when it has begun. */
function stallFirst() {
  const gate = Promise.withResolvers<void>();
  const [stalled, begun] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let pieces = 0;
  gateway.ufsOf(mount).slow(async () => {
    pieces += 1;
    if (pieces === 3) begun.resolve();
    if (pieces !== 2) return;
    stalled.resolve();
    await gate.promise;
  });
  return { stalled: stalled.promise, begun: begun.promise, go: gate.resolve };
}

describe('requests sent one behind the other on a connection', () => {
  const twoPieces = 'x'.repeat(300 * KiB);

  it('are answered in order', async () => {
    await start({ a: 'first', b: 'second' });
    raw.send(get('a') + get('b') + get('missing') + get('a'));
    expect((await raw.answer()).body).toBe('first');
    expect((await raw.answer()).body).toBe('second');
    expect((await raw.answer()).status).toBe(404);
    expect((await raw.answer()).body).toBe('first');
  });

  it.each([
    ['no HTTP', 'NONSENSE\r\n\r\n'],
    [
      'a chunk that is none',
      'PUT /lake/c HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n',
    ],
  ])('with %s behind a complete one never put an error into the body before it', async (_name, broken) => {
    await start({ a: twoPieces, b: 'second' });
    const { stalled } = stallFirst();
    raw.send(get('a'));
    await stalled;
    raw.send(get('b') + broken);
    const received = await raw.closed();
    expect(received.split('HTTP/1.1 ')).toHaveLength(2);
    expect(received).not.toContain('<Code>');
  });

  it('with no HTTP behind them are not told that they failed while they are still under way', async () => {
    await start({ a: 'first' });
    gateway.ufsOf(mount).slow(() => new Promise(() => {}));
    raw.send(`${get('a')}NONSENSE\r\n\r\n`);
    expect(await raw.closed()).toBe('');
  });

  it('are all let go when the client leaves', async () => {
    await start({ a: twoPieces, b: 'y'.repeat(4 * MiB) });
    const { stalled, begun, go } = stallFirst();
    raw.send(get('a'));
    await stalled;
    raw.send(get('b'));
    await begun;
    raw.close();
    await gateway.whenClosed();
    go();
    await gateway.whenIdle();
    expect(await gateway.metrics.text()).toContain('forebay_answers_cut_total{reason="client_gone"} 2');
  });
});
