import { describe, expect, it } from 'vitest';
import type { UfsUpload } from '../ufs.ts';
import { errorOf, openStore, reply } from './testing/raw-server.ts';

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

/** With a digest, so that the bytes go as they are; without one they go in signed chunks. */
const digest = ['content-md5', 'q1a='] as const;

const upload = (body: AsyncIterable<Uint8Array>, sizeBytes: number): UfsUpload => ({
  sizeBytes,
  body,
  headers: [digest],
});

const cut = Buffer.from('cut');

describe('a put', () => {
  it('sends exactly the bytes, with their length, and tells what the store says of them', async () => {
    const { ufs, server } = await openStore(async ({ body, write }) => {
      const text = (await body()).toString();
      write(reply(200, '', [`ETag: "${text}"`, 'x-amz-version-id: v', 'x-amz-request-id: r', 'date: now']));
    });
    const headers = [
      digest,
      ['x-amz-meta-a', 'one'],
      ['x-amz-meta-a', 'J\xc3\xbc'],
      ['content-length', '99'],
      ['connection', 'close'],
    ] as const;
    const written = await ufs.put('k', { ...upload(pieces('ab', '', 'cde'), 5), headers });
    expect(written.headers).toEqual([
      ['etag', '"abcde"'],
      ['x-amz-version-id', 'v'],
    ]);
    expect(server.requests[0]?.headers).toMatchObject({
      'content-length': '5',
      'x-amz-meta-a': 'one,J\xc3\xbc',
      'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
    });
  });

  it('of nothing sends content-length 0', async () => {
    const { ufs, server } = await openStore(({ write }) => write(reply(200)));
    await ufs.put('k', upload(pieces(), 0));
    expect(server.requests[0]?.headers['content-length']).toBe('0');
  });

  it('without a digest goes in signed chunks, so that no store takes a part for the whole', async () => {
    const { ufs, server } = await openStore(async ({ body, write }) => {
      write(reply(200, '', [`x-amz-meta-seen: ${JSON.stringify((await body()).toString())}`]));
    });
    const written = await ufs.put('k', { ...upload(pieces('a', 'bc'), 3), headers: [] });
    expect(written.headers[0]?.[1].replaceAll(/[0-9a-f]{64}/g, 'HEX')).toBe(
      JSON.stringify('3;chunk-signature=HEX\r\nabc\r\n0;chunk-signature=HEX\r\n\r\n'),
    );
    expect(server.requests[0]?.headers).toMatchObject({
      'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
      'x-amz-decoded-content-length': '3',
    });
  });

  it('whose hash is known goes as it is under that hash, and is hashed no more', async () => {
    const { ufs, server } = await openStore(async ({ body, write }) => {
      write(reply(200, '', [`x-amz-meta-seen: ${(await body()).toString()}`]));
    });
    const sha256 = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    const written = await ufs.put('k', { ...upload(pieces('a', 'bc'), 3), headers: [], sha256 });
    expect(written.headers).toEqual([['x-amz-meta-seen', 'abc']]);
    expect(server.requests[0]?.headers).toMatchObject({
      'x-amz-content-sha256': sha256,
      'content-length': '3',
    });
  });

  it('with a trailer frames the body, so that the store verifies what came last', async () => {
    const { ufs, server } = await openStore(async ({ body, write }) => {
      write(reply(200, '', [`x-amz-meta-seen: ${JSON.stringify((await body()).toString())}`]));
    });
    const trailer = { name: 'x-amz-checksum-crc32', value: () => 'NSRBwg==' };
    const written = await ufs.put('k', { ...upload(pieces('a', 'bc'), 3), trailer });
    expect(written.headers).toEqual([
      ['x-amz-meta-seen', JSON.stringify('3\r\nabc\r\n0\r\nx-amz-checksum-crc32:NSRBwg==\r\n\r\n')],
    ]);
    expect(server.requests[0]?.headers).toMatchObject({
      'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      'x-amz-trailer': 'x-amz-checksum-crc32',
      'x-amz-decoded-content-length': '3',
    });
  });

  it.each([
    ['in the middle', ['abc'], 6],
    ['at the very end', ['abc', 'def'], 6],
    ['before it began', [], 6],
    ['of nothing', [], 0],
  ])('whose source throws %s stores nothing and throws the same', async (_name, texts, sizeBytes) => {
    const whole: Buffer[] = [];
    const { ufs, server } = await openStore(async ({ body }) => whole.push(await body().catch(() => cut)));
    async function* broken() {
      yield* pieces(...texts);
      throw new Error('bad digest');
    }
    expect(await errorOf(ufs.put('k', upload(broken(), sizeBytes)))).toMatchObject({ message: 'bad digest' });
    await server.idle();
    expect(whole.filter((body) => body !== cut)).toEqual([]);
  });

  it.each([
    ['fewer', ['abc'], 6],
    ['more', ['abc', 'defg'], 6],
  ])('whose source has %s bytes than announced stores nothing', async (_name, texts, sizeBytes) => {
    const whole: Buffer[] = [];
    const { ufs, server } = await openStore(async ({ body }) => whole.push(await body().catch(() => cut)));
    expect((await errorOf(ufs.put('k', upload(pieces(...texts), sizeBytes))))?.message).toContain(
      'body of 6 bytes',
    );
    await server.idle();
    expect(whole.filter((body) => body !== cut)).toEqual([]);
  });

  const denied = reply(403, '<Error><Code>AccessDenied</Code><Message>No.</Message></Error>');
  const refusal = { answer: { status: 403, code: 'AccessDenied', message: 'No.' } };

  it('refused while its source waits tells the refusal and lets the source go', async () => {
    const { ufs } = await openStore(({ write }) => write(denied));
    const returned = Promise.withResolvers<string>();
    let given = false;
    const source: AsyncIterator<Uint8Array> & AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => source,
      next: () => {
        if (given) return new Promise(() => {});
        given = true;
        return Promise.resolve({ done: false, value: Buffer.from('a') });
      },
      return: () => {
        returned.resolve('returned');
        return Promise.resolve({ done: true, value: undefined });
      },
    };
    await expect(ufs.put('k', upload(source, 1_000))).rejects.toMatchObject(refusal);
    expect(await returned.promise).toBe('returned');
  });

  it('of a large body asks first, and a refusal leaves its source untouched', async () => {
    const { ufs, server } = await openStore(({ write }) => write(denied));
    const { source, touched } = untouched();
    await expect(ufs.put('k', upload(source, 1_000_000))).rejects.toMatchObject(refusal);
    expect(touched()).toBe(false);
    expect(server.requests[0]?.headers.expect).toBe('100-continue');
  });

  it('of a large body to a store that never says continue is sent, and asks only once', async () => {
    const { ufs, server } = await openStore(
      async ({ body, write }) => {
        const { length } = await body({ continues: false });
        write(reply(200, '', [`x-amz-meta-length: ${length}`]));
      },
      { continueWaitMs: 20 },
    );
    const large = 'x'.repeat(100_000);
    for (let round = 0; round < 2; round += 1) {
      const written = await ufs.put('k', upload(pieces(large), large.length));
      expect(written.headers).toEqual([['x-amz-meta-length', '100000']]);
    }
    expect(server.requests.map((request) => request.headers.expect)).toEqual(['100-continue', undefined]);
  });

  it('that was sent and got no answer is state-unknown, and is not sent again', async () => {
    const { ufs, server } = await openStore(async ({ body, socket }) => {
      await body();
      socket.resetAndDestroy();
    });
    expect((await errorOf(ufs.put('k', upload(pieces('abc'), 3))))?.kind).toBe('state-unknown');
    expect(server.requests).toHaveLength(1);
  });

  it('that the store cut in its middle is ufs-unavailable: it cannot have been taken', async () => {
    const { ufs } = await openStore(({ socket }) => void socket.resetAndDestroy());
    async function* halting() {
      yield Buffer.from('a');
      await new Promise(() => {});
    }
    expect((await errorOf(ufs.put('k', upload(halting(), 10))))?.kind).toBe('ufs-unavailable');
  });

  it('whose answer is cut is state-unknown', async () => {
    const { ufs } = await openStore(async ({ body, socket, write }) => {
      await body();
      write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc');
      socket.end();
    });
    expect((await errorOf(ufs.put('k', upload(pieces('abc'), 3))))?.kind).toBe('state-unknown');
  });

  it.each([502, 504])('answered %i is state-unknown: who says so does not know either', async (status) => {
    const { ufs } = await openStore(async ({ body, write }) => {
      await body();
      write(reply(status));
    });
    expect((await errorOf(ufs.put('k', upload(pieces('abc'), 3))))?.kind).toBe('state-unknown');
    expect((await errorOf(ufs.delete('k', { headers: [] })))?.kind).toBe('state-unknown');
  });

  it('answered 502 before its body was sent is that answer: it cannot have been taken', async () => {
    const { ufs } = await openStore(({ write }) => write(reply(502)));
    async function* halting() {
      yield Buffer.from('a');
      await new Promise(() => {});
    }
    expect((await errorOf(ufs.put('k', upload(halting(), 10))))?.kind).toBe('ufs-answer');
  });

  it('answered with success before its body was sent is state-unknown', async () => {
    const { ufs } = await openStore(({ write }) => write(reply(200)));
    async function* slow() {
      yield Buffer.from('a');
      await new Promise(() => {});
    }
    expect((await errorOf(ufs.put('k', upload(slow(), 10))))?.kind).toBe('state-unknown');
  });

  it('to nobody is ufs-unavailable, and its source is not touched', async () => {
    const { ufs, server } = await openStore(() => {});
    await server.close();
    const { source, touched } = untouched();
    expect((await errorOf(ufs.put('k', upload(source, 3))))?.kind).toBe('ufs-unavailable');
    expect(touched()).toBe(false);
  });

  it('aborted before its last byte throws the reason', async () => {
    const arrived = Promise.withResolvers<void>();
    const { ufs } = await openStore(() => arrived.resolve());
    const { signal, abort } = abortable();
    const error = errorOf(ufs.put('k', { ...upload(neverEnding(), 3), signal }));
    await arrived.promise;
    abort();
    expect(await error).toMatchObject({ message: 'client left' });
  });

  it('aborted after its last byte is state-unknown', async () => {
    const received = Promise.withResolvers<void>();
    const { ufs } = await openStore(async ({ body }) => {
      await body();
      received.resolve();
    });
    const { signal, abort } = abortable();
    const error = errorOf(ufs.put('k', { ...upload(pieces('a', 'bc'), 3), signal }));
    await received.promise;
    abort();
    expect((await error)?.kind).toBe('state-unknown');
  });
});

function abortable(): { signal: AbortSignal; abort(): void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort(new Error('client left')) };
}

function untouched(): { source: AsyncIterable<Uint8Array>; touched(): boolean } {
  let touched = false;
  const source = {
    [Symbol.asyncIterator]: () => {
      touched = true;
      return pieces('abc');
    },
  };
  return { source, touched: () => touched };
}

async function* neverEnding() {
  yield Buffer.from('a');
  await new Promise(() => {});
}
