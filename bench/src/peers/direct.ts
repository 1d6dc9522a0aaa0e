/** S3 servers that are read directly: the UFS of all caches here, and MinIO. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { SigningS3Client } from 'forebay/demo/s3-client';
import { freePort, isPortOpen, startProcess, untilReady } from '../../../test/support/process.ts';
import { bucket, type Server } from '../servers.ts';
import type { Peer } from './peer.ts';
import { installMinio, minioVersion } from './tools.ts';

export const versitygwPeer: Peer = {
  name: 'versitygw',
  isCache: false,
  isS3: true,
  start: async (_, { ufs, ufsPid }) => ({ title: `${ufs.name} direct`, target: ufs, pid: ufsPid }),
};

export const minioPeer: Peer = {
  name: 'minio',
  isCache: false,
  isS3: true,
  async start(stack, { directory, afar, fill }) {
    const tool = await installMinio();
    if ('missing' in tool) throw new Error(tool.missing);
    const keys = { accessKey: 'BENCHMINIOKEY', secretKey: randomBytes(16).toString('hex') };
    const port = await freePort();
    const data = join(directory, 'data');
    const process_ = startProcess(tool.path, ['server', data, '--address', `127.0.0.1:${port}`, '--quiet'], {
      env: {
        ...process.env,
        HOME: directory,
        MINIO_ROOT_USER: keys.accessKey,
        MINIO_ROOT_PASSWORD: keys.secretKey,
        MINIO_BROWSER: 'off',
        MINIO_UPDATE: 'off',
      },
    });
    stack.defer(async () => void (await process_.stop()));
    await untilReady(process_, () => isPortOpen(port));
    const endpoint = `http://127.0.0.1:${port}`;
    const server: Server = { name: 'minio', endpoint, ...keys, pid: process_.pid };
    await untilReady(process_, () => makeBucket(server));
    await fill(server);
    const date = /-(\d{8})\d{6}-/.exec(minioVersion)?.[1] ?? minioVersion;
    return { title: `MinIO ${date} direct`, target: await afar(server), pid: process_.pid };
  },
};

/** False while it does not serve yet. */
async function makeBucket(server: Server): Promise<boolean> {
  const client = new SigningS3Client(server, { connectionsMax: 1 });
  try {
    await client.send({ method: 'PUT', path: `/${bucket}` });
    return true;
  } catch {
    return false;
  } finally {
    client.close();
  }
}
