/** An upload of as many parts as S3 allows, to a bucket and to a directory. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ForebayProcess, s3Mount, startForebay } from '../support/forebay-process.ts';
import { type S3Server, startAnyKeyServer, startVersitygw } from '../support/servers.ts';
import { tempDir } from '../support/temp.ts';
import { needs } from '../support/tools.ts';
import { WireClient } from '../support/wire-client.ts';
import { begin, completeCall, putPart } from '../support/wire-multipart.ts';

const partCount = 10_000;
const partsInFlight = 16;
const pageSize = 1000;

describe('an upload of 10,000 parts', await needs('versitygw', 'radosgw'), () => {
  const servers: S3Server[] = [];
  let forebay: ForebayProcess;
  let client: WireClient;

  beforeAll(async () => {
    // S3's least size of a part would make this 50 GB: one of the stores can be told to take smaller ones.
    servers.push(await startVersitygw(), await startAnyKeyServer({ partBytesMin: 1 }));
    for (const server of servers) await server.createBucket('lake');
    const [strict, lenient] = servers.map((server, at) => s3Mount(['/lake', '/small'][at]!, server, 'lake'));
    forebay = await startForebay({
      mounts: [strict!.mount, lenient!.mount, `/data=file://${tempDir('data')}`],
      env: { ...strict!.env, ...lenient!.env },
    });
    client = new WireClient(forebay);
  });
  afterAll(async () => {
    client?.close();
    await forebay?.remove();
    for (const server of servers) await server.stop();
  });

  /** In falling order, several at once. */
  async function putParts(path: string, uploadId: string): Promise<Map<number, string>> {
    const etags = new Map<number, string>();
    const numbers = Array.from({ length: partCount }, (_, index) => index + 1);
    const sendNext = async () => {
      for (let number = numbers.pop(); number !== undefined; number = numbers.pop()) {
        const part = { path, uploadId, partNumber: number };
        etags.set(number, await putPart(client, part, Buffer.from(`part ${number}`)));
      }
    };
    await Promise.all(Array.from({ length: partsInFlight }, sendNext));
    return new Map([...etags].sort(([a], [b]) => a - b));
  }

  async function listParts(path: string, uploadId: string): Promise<number[]> {
    const listed: number[] = [];
    let marker: string | undefined = '0';
    while (marker !== undefined) {
      const asked: Record<string, string> = { uploadId, 'part-number-marker': marker, 'max-parts': '3000' };
      const query = Object.entries(asked);
      const text: string = (await client.send({ path, query })).body.toString();
      const page = [...text.matchAll(/<PartNumber>(\d+)</g)].map(([, number]) => Number(number));
      expect(page).toHaveLength(pageSize);
      listed.push(...page);
      const more = text.includes('<IsTruncated>true');
      marker = more ? /<NextPartNumberMarker>(\d+)</.exec(text)![1] : undefined;
    }
    return listed;
  }

  it.each(['/lake/many', '/data/many'])('is listed page by page, and completed of some: %s', async (path) => {
    const uploadId = await begin(client, path);
    const etags = await putParts(path, uploadId);
    expect(await listParts(path, uploadId)).toEqual([...etags.keys()]);
    // It may take so long to look at all of them that the error comes inside of a 200.
    const whole = await client.send(completeCall(path, uploadId, etags));
    expect(whole.body.toString()).toContain('<Code>EntityTooSmall</Code>');
    const last = new Map([[partCount, etags.get(partCount)!]]);
    const some = await client.send(completeCall(path, uploadId, last));
    expect(some.body.toString()).toContain('<CompleteMultipartUploadResult ');
    expect((await client.send({ path })).body.toString()).toBe('part 10000');
  });

  it('is completed of all its parts', async () => {
    const path = '/small/many';
    const uploadId = await begin(client, path);
    const etags = await putParts(path, uploadId);
    expect(await listParts(path, uploadId)).toEqual([...etags.keys()]);
    const whole = await client.send(completeCall(path, uploadId, etags));
    expect(whole.body.toString()).toContain('<CompleteMultipartUploadResult ');
    const read = await client.send({ path });
    expect(read.headers.etag).toMatch(/-10000"$/);
    expect(read.body.toString()).toBe([...etags.keys()].map((number) => `part ${number}`).join(''));
  });
});
