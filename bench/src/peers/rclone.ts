/** `rclone serve s3` with its VFS cache, before the UFS as an S3 remote. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { freePort, isPortOpen, startProcess, untilReady } from '../../../test/support/process.ts';
import type { Peer } from './peer.ts';
import { installRcloneServe, rcloneVersion } from './tools.ts';

export const rclonePeer: Peer = {
  name: 'rclone',
  isCache: true,
  isS3: true,
  async start(stack, { directory, ufs }) {
    const tool = await installRcloneServe();
    if ('missing' in tool) throw new Error(tool.missing);
    const keys = { accessKey: 'BENCHRCLONEKEY', secretKey: randomBytes(16).toString('hex') };
    const port = await freePort();
    const cache = ['--cache-dir', join(directory, 'cache'), '--vfs-cache-max-age', '24h'];
    const vfs = ['--vfs-cache-mode', 'full', '--dir-cache-time', '24h', '--poll-interval', '0'];
    const auth = ['--auth-key', `${keys.accessKey},${keys.secretKey}`];
    const args = ['serve', 's3', 'ufs:', '--addr', `127.0.0.1:${port}`, ...auth, ...cache, ...vfs];
    const server = startProcess(tool.path, [...args, '--config', join(directory, 'none.conf')], {
      env: {
        ...process.env,
        RCLONE_CONFIG_UFS_TYPE: 's3',
        RCLONE_CONFIG_UFS_PROVIDER: 'Other',
        RCLONE_CONFIG_UFS_ENDPOINT: ufs.endpoint,
        RCLONE_CONFIG_UFS_ACCESS_KEY_ID: ufs.accessKey,
        RCLONE_CONFIG_UFS_SECRET_ACCESS_KEY: ufs.secretKey,
        RCLONE_CONFIG_UFS_FORCE_PATH_STYLE: 'true',
      },
    });
    stack.defer(async () => void (await server.stop()));
    await untilReady(server, () => isPortOpen(port));
    return {
      title: `rclone serve s3 ${rcloneVersion}, VFS cache`,
      target: { endpoint: `http://127.0.0.1:${port}`, ...keys },
      pid: server.pid,
    };
  },
};
