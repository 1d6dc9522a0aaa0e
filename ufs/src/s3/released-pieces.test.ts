import { expect, it } from 'vitest';
import type { UfsUpload } from '../ufs.ts';
import { openStore, reply } from './testing/raw-server.ts';

const sizeBytes = 20 * 64 * 1024 + 20_000;
const content = Uint8Array.from({ length: sizeBytes }, (_, index) => (index * 31) % 253);
const trailer = { name: 'x-amz-checksum-crc32', value: () => 'AAAAAA==' };

/** Without the framing, of whatever kind it is. */
function dataOf(framed: Buffer): Buffer {
  const data: Buffer[] = [];
  for (let position = 0; ; ) {
    const lineEnd = framed.indexOf('\r\n', position);
    const size = Number.parseInt(framed.toString('latin1', position, lineEnd), 16);
    if (size === 0) return Buffer.concat(data);
    data.push(framed.subarray(lineEnd + 2, lineEnd + 2 + size));
    position = lineEnd + 2 + size + 2;
  }
}

const framings: [string, Partial<UfsUpload>, (wire: Buffer) => Buffer][] = [
  ['as it is', { headers: [['content-md5', 'q1a=']] }, (wire) => wire],
  ['in signed chunks', {}, dataOf],
  ['with a trailer', { trailer }, dataOf],
];
const cases = framings.flatMap((framing) =>
  [64 * 1024, 65_537].map((pieceBytes) => [...framing, pieceBytes] as const),
);

it.each(cases)('pieces that go out %s can be freed as they are out', async (_, more, undo, pieceBytes) => {
  let got: Buffer | undefined;
  const { ufs } = await openStore(async ({ body, write }) => {
    got = undo(await body());
    write(reply(200));
  });
  async function* body() {
    for (let at = 0; at < sizeBytes; at += pieceBytes) yield content.slice(at, at + pieceBytes);
  }
  let freedBytes = 0;
  const release = ({ buffer, byteOffset, byteLength }: Uint8Array) => {
    if (buffer.byteLength < 16 * 1024 || byteOffset + byteLength < buffer.byteLength) return;
    freedBytes += buffer.byteLength;
    (buffer as ArrayBuffer).transfer(0);
  };
  await ufs.put('k', { sizeBytes, body: body(), headers: [], release, ...more });
  expect(got?.equals(content)).toBe(true);
  expect(freedBytes).toBe(sizeBytes);
});
