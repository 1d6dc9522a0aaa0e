/** Both sides of the comparison: gateway and cache node, and nginx before nginx, each as two processes. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, isPortOpen, run, untilReady } from '../../../test/support/process.ts';
import { toolPath } from '../../../test/support/tools.ts';
import { cacheConfiguration } from '../peers/nginx.ts';
import type { Peer } from '../peers/peer.ts';
import { bucket } from '../servers.ts';
import type { RoleConfig } from './roles.ts';
import { startTogether } from './together.ts';

export const forebayHop: Peer = {
  name: 'forebay',
  isCache: true,
  isS3: true,
  async start(stack, { directory, ufs }) {
    const keys = { accessKey: 'BENCHFOREBAYKEY', secretKey: randomBytes(24).toString('hex') };
    const [planePort, gatewayPort] = await Promise.all([freePort(), freePort()]);
    const config: RoleConfig = {
      ...keys,
      mount: `/${bucket}=s3://${bucket}?endpoint=${ufs.endpoint}&credentials=env:BENCH&ttl=1h`,
      dataDir: join(directory, 'data'),
      secret: randomBytes(24).toString('hex'),
      planePort,
      gatewayPort,
    };
    const env = { BENCH_ACCESS_KEY_ID: ufs.accessKey, BENCH_SECRET_ACCESS_KEY: ufs.secretKey };
    const role = (name: string) => ({
      command: process.execPath,
      args: [join(import.meta.dirname, `${name}-process.ts`), JSON.stringify(config)],
      env,
    });
    const both = startTogether(stack, [role('node'), role('gateway')]);
    await untilReady(both, () => isPortOpen(gatewayPort));
    const endpoint = `http://127.0.0.1:${gatewayPort}`;
    return { title: 'Forebay: gateway, cache node', target: { endpoint, ...keys }, pid: both.pid };
  },
};

export const nginxHop: Peer = {
  name: 'nginx',
  isCache: true,
  isS3: false,
  async start(stack, { directory, ufs }) {
    const program = join(await toolPath('nginx'), 'usr/sbin/nginx');
    const [cachePort, frontPort] = await Promise.all([freePort(), freePort()]);
    const configurations = {
      cache: (place: string) => cacheConfiguration(place, cachePort, new URL(ufs.endpoint).host),
      front: () => frontConfiguration(frontPort, `127.0.0.1:${cachePort}`),
    };
    const nginx = (name: 'cache' | 'front') => {
      const place = join(directory, name);
      mkdirSync(join(place, 'tmp'), { recursive: true });
      writeFileSync(join(place, 'nginx.conf'), configurations[name](place));
      return { command: program, args: ['-p', place, '-c', 'nginx.conf', '-e', 'stderr'] };
    };
    const both = startTogether(stack, [nginx('cache'), nginx('front')]);
    await untilReady(both, async () => (await isPortOpen(frontPort)) && (await isPortOpen(cachePort)));
    const { stderr } = await run(program, ['-v']);
    const version = /nginx\/([\d.]+)/.exec(stderr)?.[1] ?? '';
    const endpoint = `http://127.0.0.1:${frontPort}`;
    return { title: `nginx ${version}: proxy_pass, proxy_cache`, target: { endpoint }, pid: both.pid };
  },
};

/** Large buffers, and none on disk: what costs nginx least for large answers. */
function frontConfiguration(port: number, upstream: string): string {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path tmp;`);
  return `
daemon off;
master_process off;
pid nginx.pid;
worker_rlimit_nofile 8192;
events { worker_connections 1024; }
http {
  access_log off;
  tcp_nopush on;
  keepalive_requests 1000000000;
  ${paths.join('\n  ')}
  upstream cache {
    server ${upstream};
    keepalive 64;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://cache;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffers 16 64k;
      proxy_buffer_size 64k;
      proxy_busy_buffers_size 128k;
      proxy_max_temp_file_size 0;
    }
  }
}
`;
}
