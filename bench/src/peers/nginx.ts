/**
 * nginx as a cache: proxy_cache with slices of 1 MiB before a UFS that can be read without signatures. One
 * process, so that its CPU is the cost of serving and not of waking workers.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, isPortOpen, run, startProcess, untilReady } from '../../../test/support/process.ts';
import { toolPath } from '../../../test/support/tools.ts';
import type { Peer } from './peer.ts';

export const nginxPeer: Peer = {
  name: 'nginx',
  isCache: true,
  isS3: false,
  async start(stack, { directory, ufs }) {
    const program = join(await toolPath('nginx'), 'usr/sbin/nginx');
    mkdirSync(join(directory, 'tmp'));
    const port = await freePort();
    writeFileSync(
      join(directory, 'nginx.conf'),
      cacheConfiguration(directory, port, new URL(ufs.endpoint).host),
    );
    const server = startProcess(program, ['-p', directory, '-c', 'nginx.conf', '-e', 'stderr']);
    stack.defer(async () => void (await server.stop()));
    await untilReady(server, () => isPortOpen(port));
    const { stderr } = await run(program, ['-v']);
    const version = /nginx\/([\d.]+)/.exec(stderr)?.[1] ?? '';
    return {
      title: `nginx ${version} proxy_cache + slice`,
      target: { endpoint: `http://127.0.0.1:${port}` },
      pid: server.pid,
    };
  },
};

/** Connections are kept on both sides, files are sent by sendfile and their descriptors are kept. */
export function cacheConfiguration(directory: string, port: number, upstream: string): string {
  const paths = ['client_body', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path tmp;`);
  return `
daemon off;
master_process off;
pid nginx.pid;
worker_rlimit_nofile 8192;
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  open_file_cache max=4096 inactive=10m;
  proxy_cache_path ${join(directory, 'cache')} levels=1:2 keys_zone=all:64m
    inactive=1d max_size=20g use_temp_path=off;
  ${paths.join('\n  ')}
  proxy_temp_path tmp;
  upstream ufs {
    server ${upstream};
    keepalive 64;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      slice 1m;
      proxy_cache all;
      proxy_cache_key $uri$slice_range;
      proxy_cache_valid 200 206 1d;
      proxy_cache_lock on;
      proxy_set_header Range $slice_range;
      proxy_set_header Host ${upstream};
      proxy_set_header Connection "";
      proxy_http_version 1.1;
      proxy_pass http://ufs;
    }
  }
}
`;
}
