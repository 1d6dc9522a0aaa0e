/**
 * nginx as a cache: proxy_cache with slices of 1 MiB before a UFS that can be read without signatures, with
 * one process, so that its CPU is the cost of serving and not of waking workers, and with two; and as a
 * server of the UFS's files.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, isPortOpen, run, startProcess, untilReady } from '../../../test/support/process.ts';
import { toolPath } from '../../../test/support/tools.ts';
import type { Peer, RunningPeer } from './peer.ts';

export const nginxPeer = cachePeer('nginx', 1);

/** As many processes as Forebay has workers, each with a listening socket of its own. */
export const nginxWorkersPeer = cachePeer('nginx-2', 2);

/** The UFS's own files by sendfile: no cache, nothing verified, what sending them costs at the least. */
export const nginxFilesPeer: Peer = {
  name: 'nginx-files',
  isCache: false,
  isS3: false,
  async start(stack, { directory, ufs, ufsFiles, afar }) {
    const port = await freePort();
    const { title, target, pid } = await startNginx(stack, {
      ...{ directory, port, conf: filesConfiguration(ufsFiles, port) },
    });
    // The keys are nobody's: it is asked without.
    return { title: `${title} files`, target: await afar({ ...ufs, endpoint: target.endpoint, pid }), pid };
  },
};

function cachePeer(name: string, workers: number): Peer {
  return {
    name,
    isCache: true,
    isS3: false,
    isParallel: workers > 1,
    async start(stack, { directory, ufs }) {
      const port = await freePort();
      const conf = cacheConfiguration(directory, port, new URL(ufs.endpoint).host, workers);
      const running = await startNginx(stack, { directory, port, conf });
      const more = workers > 1 ? `, ${workers} workers` : '';
      return { ...running, title: `${running.title} proxy_cache + slice${more}` };
    },
  };
}

async function startNginx(
  stack: AsyncDisposableStack,
  { directory, port, conf }: { readonly directory: string; readonly port: number; readonly conf: string },
): Promise<RunningPeer> {
  const program = join(await toolPath('nginx'), 'usr/sbin/nginx');
  mkdirSync(join(directory, 'tmp'));
  writeFileSync(join(directory, 'nginx.conf'), conf);
  const server = startProcess(program, ['-p', directory, '-c', 'nginx.conf', '-e', 'stderr']);
  stack.defer(async () => void (await server.stop()));
  await untilReady(server, () => isPortOpen(port));
  const { stderr } = await run(program, ['-v']);
  const version = /nginx\/([\d.]+)/.exec(stderr)?.[1] ?? '';
  return { title: `nginx ${version}`, target: { endpoint: `http://127.0.0.1:${port}` }, pid: server.pid };
}

/** Connections are kept on both sides, files are sent by sendfile and their descriptors are kept. */
export function cacheConfiguration(directory: string, port: number, upstream: string, workers = 1): string {
  return configuration(
    workers,
    `
  proxy_cache_path ${join(directory, 'cache')} levels=1:2 keys_zone=all:64m
    inactive=1d max_size=20g use_temp_path=off;
  upstream ufs {
    server ${upstream};
    keepalive 64;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port}${workers > 1 ? ' reuseport' : ''};
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
  }`,
  );
}

function filesConfiguration(files: string, port: number): string {
  return configuration(
    1,
    `
  server {
    listen 127.0.0.1:${port};
    root ${files};
  }`,
  );
}

function configuration(workers: number, http: string): string {
  const paths = ['client_body', 'fastcgi', 'uwsgi', 'scgi', 'proxy'].map((name) => `${name}_temp_path tmp;`);
  // Started by root, workers would be somebody else, who may not write here.
  const user = process.getuid?.() === 0 ? 'user root;\n' : '';
  return `
daemon off;
${workers > 1 ? `${user}worker_processes ${workers};` : 'master_process off;'}
pid nginx.pid;
worker_rlimit_nofile 8192;
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  open_file_cache max=4096 inactive=10m;
  ${paths.join('\n  ')}${http}
}
`;
}
