import { wholeOf } from '@forebay/core/pieces';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ConnectionUser } from './connection.ts';
import { Exchange, type ExchangeConnection, type WireAnswer } from './exchange.ts';
import { NoAnswerError } from './no-answer.ts';
import { ReadBuffers } from './read-buffers.ts';

/** Buffers that nobody may look at any more are spoilt at once. */
class SpoiltBuffers extends ReadBuffers {
  override give(buffer: Buffer): void {
    buffer.fill(0xee);
    super.give(buffer);
  }
}

/** The side of the socket: hands over bytes in the cuts that a test wants, into buffers as a socket does. */
class Script implements ExchangeConnection {
  served = 0;
  flushed = true;
  ended: 'kept' | 'closed' | undefined;
  paused = false;
  readonly buffers = new SpoiltBuffers({ keptBytesMax: 1024 * 1024 });
  readonly answer: Promise<WireAnswer>;
  #user: ConnectionUser | undefined;

  constructor(method: string) {
    const exchange = new Exchange({
      connection: this,
      buffers: this.buffers,
      method,
      signal: undefined,
      headTimeoutMs: 60_000,
      bodyIdleTimeoutMs: 60_000,
      onDone: () => {},
    });
    this.answer = exchange.run('', undefined);
    this.answer.catch(() => {});
  }

  send(user: ConnectionUser): void {
    this.#user = user;
  }

  release(): void {
    this.ended = 'kept';
    this.#user = undefined;
  }

  resume(): void {
    this.paused = false;
  }

  destroy(error: Error): void {
    this.ended ??= 'closed';
    const user = this.#user;
    this.#user = undefined;
    user?.onError(error);
  }

  /** Whether anybody took it. */
  give(bytes: Uint8Array): boolean {
    const user = this.#user;
    if (!user) return false;
    const buffer = this.buffers.take('small');
    buffer.set(bytes);
    try {
      const { pause, keep } = user.onBytes(buffer.subarray(0, bytes.byteLength), buffer);
      if (!keep) this.buffers.give(buffer);
      this.paused = pause;
    } catch (error) {
      this.destroy(error as Error);
    }
    return true;
  }

  end(): void {
    this.#user?.onEnd();
  }
}

interface Case {
  readonly framing: 'length' | 'chunked' | 'until-close';
  readonly interim: number;
  readonly body: Uint8Array;
  readonly chunks: readonly number[];
  readonly trailer: boolean;
}

const anyCase: fc.Arbitrary<Case> = fc.record({
  framing: fc.constantFrom('length', 'chunked', 'until-close'),
  interim: fc.integer({ min: 0, max: 3 }),
  body: fc.uint8Array({ maxLength: 400 }),
  chunks: fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 8 }),
  trailer: fc.boolean(),
});

function wireOf({ framing, interim, body, chunks, trailer }: Case): Buffer {
  const head = [...Array.from({ length: interim }, () => 'HTTP/1.1 103 Early\r\nlink: </x>\r\n\r\n')];
  const says = {
    length: `content-length: ${body.length}\r\n`,
    chunked: 'Transfer-Encoding: chunked\r\n',
    'until-close': '',
  }[framing];
  head.push(`HTTP/1.1 200 OK\r\nETag: "e"\r\n${says}x-amz-meta-a:  J\xfcrgen \t\r\nempty:\r\n\r\n`);
  const start = Buffer.from(head.join(''), 'latin1');
  if (framing !== 'chunked') return Buffer.concat([start, body]);
  const parts: Uint8Array[] = [start];
  for (let at = 0, turn = 0; at < body.length; turn += 1) {
    const piece = body.subarray(at, at + chunks[turn % chunks.length]!);
    const extension = turn % 2 === 1 ? ';name="v"' : '';
    parts.push(Buffer.from(`${piece.length.toString(16)}${extension}\r\n`), piece, Buffer.from('\r\n'));
    at += piece.length;
  }
  parts.push(Buffer.from(trailer ? '0\r\nx-checksum: abc\r\nother: 1\r\n\r\n' : '000\r\n\r\n'));
  return Buffer.concat(parts);
}

/** Gives the bytes cut as told, as far as the exchange lets it, while `reading` goes on. */
async function feed(script: Script, wire: Uint8Array, cuts: readonly number[]): Promise<void> {
  for (let at = 0, turn = 0; at < wire.length; turn += 1) {
    while (script.paused && script.ended === undefined) await Promise.resolve();
    const length = cuts[turn % cuts.length]!;
    if (!script.give(wire.subarray(at, at + length))) return;
    at += length;
    if (turn % 3 === 0) await Promise.resolve();
  }
}

const cutsOf = fc.array(fc.integer({ min: 1, max: 120 }), { minLength: 1, maxLength: 12 });

describe('an answer', () => {
  it('is the same however its bytes are cut, and its connection serves on where its end is certain', async () => {
    await fc.assert(
      fc.asyncProperty(anyCase, cutsOf, async (one, cuts) => {
        const script = new Script('GET');
        const reading = script.answer.then(async ({ status, headers, body }) => {
          return { status, headers, bytes: await wholeOf(body) };
        });
        await feed(script, wireOf(one), cuts);
        if (one.framing === 'until-close') script.end();
        const { status, headers, bytes } = await reading;
        expect(status).toBe(200);
        expect(headers.filter(([name]) => !/^(content-length|transfer-encoding)$/.test(name))).toEqual([
          ['etag', '"e"'],
          ['x-amz-meta-a', 'J\xfcrgen'],
          ['empty', ''],
        ]);
        expect(bytes?.equals(one.body)).toBe(true);
        expect(script.ended).toBe(one.framing === 'until-close' ? 'closed' : 'kept');
      }),
    );
  });

  it('that ends too early at any byte is never taken for a whole one', async () => {
    await fc.assert(
      fc.asyncProperty(anyCase, cutsOf, fc.nat(), async (one, cuts, at) => {
        fc.pre(one.framing !== 'until-close');
        const wire = wireOf(one);
        const script = new Script('GET');
        const reading = script.answer.then(({ body }) => wholeOf(body));
        reading.catch(() => {});
        await feed(script, wire.subarray(0, at % wire.length), cuts);
        script.end();
        await expect(reading).rejects.toThrow('closed the connection');
        expect(script.ended).toBe('closed');
      }),
    );
  });

  it('keeps its body, and loses its connection, where bytes come after it', async () => {
    await fc.assert(
      fc.asyncProperty(anyCase, fc.uint8Array({ minLength: 1, maxLength: 50 }), async (one, extra) => {
        fc.pre(one.framing !== 'until-close');
        const script = new Script('GET');
        script.give(Buffer.concat([wireOf(one), extra]));
        const { body } = await script.answer;
        expect((await wholeOf(body))?.equals(one.body)).toBe(true);
        expect(script.ended).toBe('closed');
      }),
    );
  });

  it.each([
    ['to HEAD', 'HEAD', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n'],
    ['of 204', 'GET', 'HTTP/1.1 204 None\r\n\r\n'],
    ['of 304', 'GET', 'HTTP/1.1 304 Same\r\ncontent-length: 9\r\n\r\n'],
  ])('%s has no body', async (_name, method, wire) => {
    const script = new Script(method);
    script.give(Buffer.from(wire));
    expect((await wholeOf((await script.answer).body))?.length).toBe(0);
    expect(script.ended).toBe('kept');
  });

  it.each([
    ['connection: close', 'HTTP/1.1 200 OK\r\nConnection: x, Close\r\ncontent-length: 0\r\n\r\n'],
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n'],
  ])('with %s is its connection’s last', async (_name, wire) => {
    const script = new Script('GET');
    script.give(Buffer.from(wire));
    await wholeOf((await script.answer).body);
    expect(script.ended).toBe('closed');
  });

  it('pauses its connection while nobody asks, and hands out each piece unspoilt until the next', async () => {
    const script = new Script('GET');
    script.give(Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 30\r\n\r\n0123456789'));
    const { body } = await script.answer;
    expect(script.paused).toBe(true);
    const first = (await body.next()).value as Uint8Array;
    expect(script.paused).toBe(false);
    script.give(Buffer.from('abcdefghij'));
    expect(script.paused).toBe(true);
    expect(Buffer.from(first).toString()).toBe('0123456789');
    const second = (await body.next()).value as Uint8Array;
    expect(first[0]).toBe(0xee);
    script.give(Buffer.from('ABCDEFGHIJ'));
    expect(script.ended).toBe('kept');
    expect(Buffer.from(second).toString()).toBe('abcdefghij');
    expect(Buffer.from((await body.next()).value as Uint8Array).toString()).toBe('ABCDEFGHIJ');
    expect((await body.next()).done).toBe(true);
  });
});

describe('what two readers could read in two ways is refused', () => {
  const chunked = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';
  it.each([
    ['content-length twice', 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 3\r\n\r\nabc'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd'],
    ['a list of lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 3, 3\r\n\r\nabc'],
    ['a signed length', 'HTTP/1.1 200 OK\r\ncontent-length: +3\r\n\r\nabc'],
    ['both framings', 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['another encoding', 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
    ['an encoding twice', `${chunked.slice(0, -2)}transfer-encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['an encoding in HTTP/1.0', 'HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['bare line feeds', 'HTTP/1.1 200 OK\ncontent-length: 3\n\nabc'],
    ['a bare line feed in a value', 'HTTP/1.1 200 OK\r\na: b\nc: d\r\ncontent-length: 0\r\n\r\n'],
    ['a bare carriage return', 'HTTP/1.1 200 OK\r\na: b\rc: d\r\ncontent-length: 0\r\n\r\n'],
    ['a folded header', 'HTTP/1.1 200 OK\r\na: b\r\n c: d\r\ncontent-length: 0\r\n\r\n'],
    ['a space before the colon', 'HTTP/1.1 200 OK\r\ncontent-length : 3\r\n\r\nabc'],
    ['a header without a colon', 'HTTP/1.1 200 OK\r\ncontent-length\r\n\r\n'],
    ['a zero byte', 'HTTP/1.1 200 OK\r\na: \0\r\ncontent-length: 0\r\n\r\n'],
    ['a change of protocol', 'HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n'],
    ['interim answers without end', 'HTTP/1.1 103 Early\r\n\r\n'.repeat(40)],
    ['HTTP/2', 'HTTP/2 200\r\n\r\n'],
    ['no HTTP', 'SSH-2.0-store\r\n'],
    ['a head without end', `HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(20_000)}`],
  ])('%s', async (_name, wire) => {
    for (const cut of [wire.length, 7]) {
      const script = new Script('GET');
      await feed(script, Buffer.from(wire, 'latin1'), [Math.min(cut, 16_000)]);
      const error = await script.answer.catch((refusal: unknown) => refusal);
      expect(error).toBeInstanceOf(NoAnswerError);
      expect(error).toMatchObject({ code: 'EPROTO', sent: 'all', diedIdle: false });
      expect(script.ended).toBe('closed');
    }
  });

  it.each([
    ['no size', '\r\nabc\r\n0\r\n\r\n'],
    ['a size with a prefix', '0x3\r\nabc\r\n0\r\n\r\n'],
    ['a negative size', '-3\r\nabc\r\n0\r\n\r\n'],
    ['a size of too many digits', '000000003\r\nabc\r\n0\r\n\r\n'],
    ['a bare line feed after the size', '3\nabc\r\n0\r\n\r\n'],
    ['a bare line feed after the data', '3\r\nabc\n0\r\n\r\n'],
    ['more data than its size', '3\r\nabcd\r\n0\r\n\r\n'],
    ['a bare line feed in an extension', '3;a=b\nabc\r\n0\r\n\r\n'],
    ['an extension without end', `3;${'x'.repeat(5_000)}\r\nabc\r\n0\r\n\r\n`],
    ['a bare line feed in a trailer', '0\r\na: b\nc: d\r\n\r\n'],
    ['trailers without end', `0\r\n${'a: b\r\n'.repeat(4_000)}\r\n`],
  ])('a chunked body with %s', async (_name, coded) => {
    const script = new Script('GET');
    const reading = script.answer.then(({ body }) => wholeOf(body));
    reading.catch(() => {});
    await feed(script, Buffer.from(chunked + coded), [1_000]);
    await expect(reading).rejects.toMatchObject({ code: 'EPROTO' });
    expect(script.ended).toBe('closed');
  });
});
