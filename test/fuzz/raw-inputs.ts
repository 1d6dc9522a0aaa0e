/** Inputs below S3: request lines, heads, framing, lengths, timing. */

import { mutate, type Random } from '../support/random.ts';
import { bucket, cut, type FuzzInput, finishOf, type Generator, keyOf, signed } from './input.ts';

const oneLine = (text: string) => Buffer.from(text, 'latin1');

function raw(random: Random, text: string | Buffer): FuzzInput {
  const bytes = typeof text === 'string' ? oneLine(text) : text;
  return { pieces: cut(random, bytes, 2), finish: finishOf(random) };
}

const garbage: Generator = ({ random }) => raw(random, random.bytes(1 + random.int(600)));

const methods = [
  'GET',
  'PUT',
  'POST',
  'DELETE',
  'OPTIONS',
  'PATCH',
  'get',
  'TRACE',
  'CONNECT',
  'G T',
  '',
  'GET\0',
];
const versions = [
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/0.9',
  'HTTP/2.0',
  'HTTP/1.1 ',
  'http/1.1',
  'HTTP/9',
  'ICY',
  '',
];

const requestLine: Generator = ({ random }) => {
  const target = random.pick([
    `/${bucket}/${random.text(30)}`,
    `/${random.text(20)}`,
    random.text(20),
    '*',
    `http://${random.text(10)}/${bucket}/k0`,
    `//${bucket}//`,
    `/${bucket}?${random.text(40)}`,
    `/${bucket}/${'a'.repeat(random.int(40_000))}`,
    `/${bucket}/k?${'a=b&'.repeat(random.int(5000))}`,
    'localhost:80',
  ]);
  const mostly = <T>(right: T, odd: readonly T[]) => (random.chance(0.8) ? right : random.pick(odd));
  const method = mostly('GET', methods);
  const end = mostly('\r\n', ['\n', '\r', '\r\n\r\n', '']);
  const line = `${method}${mostly(' ', ['  ', '\t', ''])}${target} ${mostly('HTTP/1.1', versions)}`;
  return raw(random, Buffer.from(`${line}${end}Host: ${random.pick(['h', '', random.text(9)])}\r\n\r\n`));
};

const oddHeaders = [
  'Host: a\r\nHost: b',
  'Host : a',
  ' folded: yes',
  'a: b\r\n c',
  'no colon',
  ': no name',
  'na\0me: x',
  'name: x\0y',
  'name: \x01\x02\xff',
  'Content-Length: -1',
  'Content-Length: +5',
  'Content-Length: 0x5',
  'Content-Length: 5, 5',
  'Content-Length: 5\r\nContent-Length: 6',
  'Content-Length: 5\r\nTransfer-Encoding: chunked',
  'Content-Length: 18446744073709551617',
  'Content-Length:',
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding: chunked, chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding:\tchunked',
  'Transfer-Encoding: gzip, chunked',
  'Connection: upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA',
  'Connection: Upgrade\r\nUpgrade: websocket',
  'Expect: 100-continue',
  'Expect: 100-continue\r\nContent-Length: 5',
  'Expect: the-unexpected\r\nContent-Length: 5',
  'Authorization:',
  'Authorization: AWS4-HMAC-SHA256',
  'Authorization: AWS4-HMAC-SHA256 Credential=,SignedHeaders=,Signature=',
  'Authorization: AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=;;, Signature=x',
  'Authorization: Bearer x\r\nAuthorization: Basic eDp5',
  'x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
  'x-amz-date: 99999999T999999Z',
  'Date: Sat, 31 Feb 99999 25:61:61 GMT',
  'Range: bytes=0-0,1-1,-',
  'X-Forwarded-Host: evil.example\r\nX-Forwarded-Port: 0',
  'Content-Type: multipart/form-data',
  'Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 5',
];

const heads: Generator = ({ random }) => {
  const flood = random.chance(0.1) ? 'a: b\r\n'.repeat(random.int(4000)) : '';
  const long = random.chance(0.1) ? `x-long: ${'v'.repeat(random.int(80_000))}\r\n` : '';
  const lines = random.some(oddHeaders, 0.03).map((line) => `${line}\r\n`);
  const method = random.pick(['GET', 'PUT', 'POST', 'DELETE']);
  const target = random.pick([`/${bucket}/k0`, `/${bucket}`, '/', `/${bucket}?delete`]);
  const body = random.pick(['', 'hello', '5\r\nhello\r\n0\r\n\r\n', 'GET / HTTP/1.1\r\n\r\n']);
  return raw(
    random,
    `${method} ${target} HTTP/1.1\r\nHost: h\r\n${lines.join('')}${flood}${long}\r\n${body}`,
  );
};

const chunks: Generator = (context) => {
  const { random } = context;
  const framing = random.pick([
    '5\r\nhello\r\n0\r\n\r\n',
    'ffffffffffffffff\r\nx',
    '7fffffff\r\nx',
    '-5\r\nhello\r\n',
    '5;ext="a\r\nhello\r\n0\r\n\r\n',
    `5;${'e'.repeat(random.int(40_000))}\r\nhello\r\n0\r\n\r\n`,
    '5\nhello\n0\n\n',
    '5\r\nhello0\r\n\r\n',
    `0\r\n${'t: v\r\n'.repeat(random.int(3000))}\r\n`,
    '0\r\nContent-Length: 5\r\n\r\nGET / HTTP/1.1\r\n\r\n',
    'g\r\n',
    '\r\n\r\n',
    '00000000000000000000005\r\nhello\r\n0\r\n\r\n',
  ]);
  const call = { method: random.pick(['PUT', 'POST', 'DELETE', 'GET']), path: `/${bucket}/k1` };
  const head = signed(context, {
    ...call,
    headers: { 'transfer-encoding': 'chunked', 'x-amz-decoded-content-length': '5' },
    payloadHash: random.pick(['UNSIGNED-PAYLOAD', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER']),
  });
  const body = random.chance(0.5) ? mutate(random, oneLine(framing)) : oneLine(framing);
  return raw(random, Buffer.concat([head, body]));
};

/** Lengths that are not those of the body. */
const lengths: Generator = (context) => {
  const { random } = context;
  const length = random.pick(['0', '1', '4', '6', '100', '65536', '5368709121', '99999999999999999999', '']);
  const body = random.bytes(random.pick([0, 1, 5, 200, 70_000]));
  const head = signed(context, {
    method: random.pick(['PUT', 'POST']),
    path: random.pick([`/${bucket}/k1`, `/${bucket}`]),
    query: random.pick([[], [['delete', '']], [['uploadId', 'x']]]) as [string, string][],
    headers: { 'content-length': length },
    payloadHash: 'UNSIGNED-PAYLOAD',
  });
  return raw(random, Buffer.concat([head, body]));
};

/** Several at once, with something between them that is none. */
const pipelined: Generator = (context) => {
  const { random } = context;
  const requests = Array.from({ length: 2 + random.int(5) }, () =>
    random.chance(0.25)
      ? Buffer.from(random.pick(['\r\n', '\r\n\r\n', 'x', 'GET\r\n', '\0', '5\r\nhello\r\n']))
      : signed(context, {
          method: random.pick(['GET', 'GET', 'PUT', 'DELETE']),
          path: `/${bucket}/${keyOf(context)}`,
          headers: { 'content-length': '0' },
        }),
  );
  const finish = random.pick(['wait', 'linger', 'half-close'] as const);
  return { pieces: cut(random, Buffer.concat(requests), 6), finish };
};

/** Says no more after a part of a request. */
const halfOpen: Generator = (context) => {
  const { random } = context;
  const body = random.bytes(2000);
  const whole = signed(context, { method: 'PUT', path: `/${bucket}/k2`, body });
  const finish = random.pick(['wait', 'half-close', 'reset'] as const);
  return { pieces: [whole.subarray(0, random.int(whole.length))], finish };
};

/** A right request, byte by byte. */
const slow: Generator = (context) => {
  const whole = signed(context, { path: `/${bucket}/k0`, headers: { range: 'bytes=0-0' } });
  const from = context.random.int(whole.length);
  const bytes = [...whole.subarray(from)].map((byte) => Buffer.of(byte));
  return { pieces: [whole.subarray(0, from), ...bytes], paceMs: 1, finish: 'wait' };
};

/** A right request whose bytes were damaged under way. */
const damaged: Generator = (context) => {
  const { random } = context;
  const body = random.bytes(random.int(50));
  const whole = signed(context, {
    method: random.pick(['GET', 'PUT', 'POST', 'DELETE']),
    path: `/${bucket}/${keyOf(context)}`,
    query: random.pick([[], [['uploads', '']], [['tagging', '']], [['list-type', '2']]]) as [
      string,
      string,
    ][],
    headers: { 'content-type': 'text/plain', 'x-amz-meta-a': 'b' },
    body,
  });
  return raw(random, mutate(random, whole));
};

export const rawInputs: Readonly<Record<string, readonly [weight: number, generate: Generator]>> = {
  garbage: [5, garbage],
  'request-line': [8, requestLine],
  heads: [12, heads],
  chunks: [8, chunks],
  lengths: [6, lengths],
  pipelined: [5, pipelined],
  'half-open': [1, halfOpen],
  slow: [1, slow],
  damaged: [14, damaged],
};
