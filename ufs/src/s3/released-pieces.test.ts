import { expect, it } from 'vitest';
import type { UfsUpload } from '../ufs.ts';
import { openStore, reply } from './testing/raw-server.ts';

const sizeBytes = 20 * 65_537;
const content = Buffer.from(Array.from({ length: sizeBytes }, (_, index) => (index * 31) % 253));
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

it.each<[string, Partial<UfsUpload>, (wire: Buffer) => Buffer]>([
  ['as it is', { headers: [['content-md5', 'q1a=']] }, (wire) => wire],
  ['in signed chunks', {}, dataOf],
  ['with a trailer', { trailer }, dataOf],
])('pieces that go out %s are released once nothing looks at them', async (_, more, undo) => {
  let got: Buffer | undefined;
  const { ufs } = await openStore(async ({ body, write }) => {
    got = undo(await body());
    write(reply(200));
  });
  async function* body() {
    for (let at = 0; at < sizeBytes; at += 65_537) yield Buffer.from(content.subarray(at, at + 65_537));
  }
  let releasedBytes = 0;
  const release = (bytes: Uint8Array) => {
    releasedBytes += bytes.byteLength;
    bytes.fill(0);
  };
  await ufs.put('k', { sizeBytes, body: body(), headers: [], release, ...more });
  expect(got?.equals(content)).toBe(true);
  expect(releasedBytes).toBeGreaterThanOrEqual(sizeBytes);
});
