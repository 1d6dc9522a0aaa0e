/** The process helper itself: a real `serve` before a real UFS, counted, killed and started again. */
import { randomBytes } from 'node:crypto';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { startCountingProxy } from '../support/counting-proxy.ts';
import { s3Mount, startForebay } from '../support/forebay-process.ts';
import { untilQuiet } from '../support/metrics.ts';
import { s3ClientFor, startVersitygw } from '../support/servers.ts';
import { needs } from '../support/tools.ts';

describe('forebay serve before versitygw', await needs('versitygw'), () => {
  it('serves an object after kill -9 without reading its bytes from the UFS again', async () => {
    const ufs = await startVersitygw();
    await ufs.createBucket('lake');
    const proxy = await startCountingProxy({ target: ufs });
    const { mount, env } = s3Mount('/data', proxy, 'lake');
    const forebay = await startForebay({ mounts: [mount], env });
    const client = s3ClientFor(forebay);
    const body = randomBytes(3_000_000);
    const read = async () => {
      const answer = await client.send(new GetObjectCommand({ Bucket: 'data', Key: 'a/object' }));
      return Buffer.from(await answer.Body!.transformToByteArray());
    };

    await client.send(new PutObjectCommand({ Bucket: 'data', Key: 'a/object', Body: body }));
    expect((await read()).equals(body)).toBe(true);
    proxy.reset();
    expect((await read()).equals(body)).toBe(true);
    expect(proxy.requests).toEqual([]);

    // Pages are on disk a moment after their bytes went out.
    await untilQuiet(forebay);
    await forebay.kill9();
    await forebay.restart();
    expect((await read()).equals(body)).toBe(true);
    await proxy.idle();
    expect(proxy.count(({ method }) => method === 'GET')).toBe(0);

    expect(await forebay.stop()).toBe(0);
    client.destroy();
    await forebay.remove();
    await proxy.stop();
    await ufs.stop();
  });
});
