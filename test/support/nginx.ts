/**
 * nginx before a Forebay, as operators put it there: it names its upstream in Host, tells what the client
 * asked for in X-Forwarded-*, and speaks TLS on a second port.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, isPortOpen, mustRun, startProcess, untilReady } from './process.ts';
import { tempDir } from './temp.ts';
import { toolPath } from './tools.ts';

export interface Nginx {
  readonly port: number;
  readonly tlsPort: number;
  stop(): Promise<void>;
}

/** Behind `needs('nginx')`. */
export async function startNginx(upstream: string): Promise<Nginx> {
  const program = join(await toolPath('nginx'), 'usr/sbin/nginx');
  const directory = tempDir('nginx');
  mkdirSync(join(directory, 'tmp'));
  const subject = ['-subj', '/CN=s3.forebay.test', '-keyout', 'key.pem', '-out', 'cert.pem'];
  const key = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', ...subject];
  await mustRun('openssl', key, { cwd: directory });
  const [port, tlsPort] = await Promise.all([freePort(), freePort()]);
  writeFileSync(join(directory, 'nginx.conf'), configuration({ upstream, port, tlsPort }));
  const server = startProcess(program, ['-p', directory, '-c', 'nginx.conf', '-e', 'stderr']);
  await untilReady(server, () => isPortOpen(tlsPort));
  return { port, tlsPort, stop: async () => void (await server.stop()) };
}

function configuration(options: { upstream: string; port: number; tlsPort: number }): string {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path tmp;`);
  return `
daemon off;
master_process off;
pid nginx.pid;
events {}
http {
  access_log off;
  ${paths.join('\n  ')}
  server {
    listen 127.0.0.1:${options.port};
    listen 127.0.0.1:${options.tlsPort} ssl;
    ssl_certificate cert.pem;
    ssl_certificate_key key.pem;
    client_max_body_size 0;
    location / {
      proxy_pass ${options.upstream};
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_redirect off;
      proxy_set_header X-Forwarded-Host $host;
      proxy_set_header X-Forwarded-Port $server_port;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-For $remote_addr;
    }
  }
}
`;
}
