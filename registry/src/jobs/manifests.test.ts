import { Keyv } from 'keyv';
import { describe, expect, it } from 'vitest';
import { type ManifestForm, Manifests } from './manifests.ts';

const make = () => new Manifests(new Keyv({ throwOnErrors: true }));

async function* pieces(text: string, size = 7): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < text.length; at += size) yield Buffer.from(text.slice(at, at + size));
}

async function linesOf(text: string, form: ManifestForm = {}) {
  const manifests = make();
  const manifest = await manifests.add(pieces(text), form);
  const lines = [];
  for await (const line of manifests.lines(manifest, 0)) lines.push(line);
  return { lines, manifest };
}

describe('a manifest', () => {
  it('is lines of keys', async () => {
    const { lines } = await linesOf('s3://lake/a b+c%20\r\n\ns3://lake/x/y');
    expect(lines).toEqual([
      { bucket: 'lake', key: 'a b+c%20' },
      { bucket: 'lake', key: 'x/y' },
    ]);
  });

  it('is keys alone where their bucket is told', async () => {
    expect((await linesOf('a\nb c\n', { bucket: 'lake' })).lines.map(({ key }) => key)).toEqual(['a', 'b c']);
  });

  it('is an inventory, its keys decoded, with sizes and ETags', async () => {
    const text = '"lake","a%20b%2Bc","12","2026-01-01T00:00:00.000Z","abc"\n"lake","q""x","3","",""\n';
    const { lines, manifest } = await linesOf(text);
    expect(lines).toEqual([
      { bucket: 'lake', key: 'a b+c', sizeBytes: 12, etag: '"abc"' },
      { bucket: 'lake', key: 'q"x', sizeBytes: 3 },
    ]);
    expect(manifest).toMatchObject({ lines: 2, bytes: 15 });
  });

  it('is an inventory of other columns', async () => {
    const columns = ['Bucket', 'Key', 'VersionId', 'IsLatest', 'IsDeleteMarker', 'Size'];
    const { lines } = await linesOf('"lake","a","v1","true","false","9"', { columns });
    expect(lines).toEqual([{ bucket: 'lake', key: 'a', sizeBytes: 9 }]);
  });

  it('is an access log, of which each key that was read counts once', async () => {
    const line = (operation: string, key: string) =>
      `owner lake [01/Jan/2026:00:00:00 +0000] 10.0.0.1 arn REQ ${operation} ${key} "GET /lake/${key}" 200 -\n`;
    const text =
      line('REST.GET.OBJECT', 'a%2520b') + line('REST.PUT.OBJECT', 'c') + line('REST.GET.OBJECT', 'a%2520b');
    expect((await linesOf(text)).lines).toEqual([{ bucket: 'lake', key: 'a%20b' }]);
  });

  it('goes on at any line, over its chunks', async () => {
    const manifests = make();
    const text = Array.from({ length: 2500 }, (_, index) => `s3://lake/${index}`).join('\n');
    const manifest = await manifests.add(pieces(text, 1000), {});
    const keys = [];
    for await (const { key } of manifests.lines(manifest, 1999)) keys.push(key);
    expect([keys.length, keys[0], keys.at(-1)]).toEqual([501, '1999', '2499']);
  });

  it('refuses a line that is none of these, and keeps nothing', async () => {
    const store = new Map();
    const manifests = new Manifests(new Keyv({ store, throwOnErrors: true }));
    await expect(manifests.add(pieces('s3://lake/a\nnonsense'), {})).rejects.toThrow('line 2');
    expect(store.size).toBe(0);
  });
});
