/** Whether this machine has what the settings ask for: memory, disks, ports. */
import { mkdir, open, rm, statfs } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { pageDirectoriesOf } from '@forebay/cache-node/page-store/directory-settings';
import { formatSize, MiB } from '@forebay/core/bytes';
import { lockDataDir } from '../data-dir.ts';
import { checkPort } from '../roles/listening.ts';
import type { ServeConfig } from '../serve-config.ts';
import { version } from '../version.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

const probeBytes = 16 * MiB;
const slowBytesPerSecond = 50 * MiB;
/** Of the process beside its caches. */
const processBytes = 512 * MiB;

export function memoryFinding({ values }: ServeConfig): Finding {
  const { memorySizeBytes, fillsInFlightBytesMax, diskWriteQueueBytesMax } = values;
  const wanted = memorySizeBytes + fillsInFlightBytesMax + diskWriteQueueBytesMax + processBytes;
  const total = process.constrainedMemory() || totalmem();
  const has = Math.min(total, totalmem());
  const text = `up to ${formatSize(wanted)} of ${formatSize(has)}`;
  if (wanted <= has) return ok('memory', text);
  return fail('memory', `the settings ask for ${text}`, 'lower --memory-size or --fills-in-flight-max');
}

/** The data directory, or who has it. */
export function dataDirFinding({ dataDir }: ServeConfig): {
  readonly finding: Finding;
  readonly inUse: boolean;
} {
  try {
    lockDataDir(dataDir)();
    return { finding: ok('data directory', dataDir.path), inUse: false };
  } catch (error) {
    const { message } = error as Error;
    const inUse = message.includes('in use');
    const finding = inUse
      ? ok('data directory', message.split(';')[0]!)
      : fail('data directory', message, 'choose another with --data-dir, or give this user rights to it');
    return { finding, inUse };
  }
}

/** Room, speed, and whether what is written is read again. */
export async function diskFindings({ values, dataDir }: ServeConfig): Promise<Finding[]> {
  const directories = pageDirectoriesOf(values, join(dataDir.cachePath, 'pages'));
  const findings = await Promise.all(directories.map(diskFinding));
  return findings.flat();
}

async function diskFinding({ path, sizeBytesMax }: { readonly path: string; readonly sizeBytesMax: number }) {
  const check = `disk ${path}`;
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    const { bavail, blocks, bsize } = await statfs(path);
    const findings = [
      roomFinding(check, { sizeBytesMax, freeBytes: bavail * bsize, allBytes: blocks * bsize }),
    ];
    findings.push(await speedFinding(check, path));
    return findings;
  } catch (error) {
    const fix = 'choose another directory with --cache-dir or --data-dir, or give this user rights to it';
    return [fail(check, `it cannot be used: ${(error as Error).message}`, fix)];
  }
}

function roomFinding(
  check: string,
  of: { readonly sizeBytesMax: number; readonly freeBytes: number; readonly allBytes: number },
): Finding {
  const { sizeBytesMax, freeBytes, allBytes } = of;
  const text = `${formatSize(freeBytes)} of ${formatSize(allBytes)} are free, the cache may take ${formatSize(sizeBytesMax)}`;
  const fix = 'lower --cache-size, or give it a larger disk with --cache-dir';
  if (sizeBytesMax > allBytes) return fail(check, text, fix);
  return sizeBytesMax > freeBytes
    ? warn(check, `${text}, unless much of it is the cache already`, fix)
    : ok(check, text);
}

async function speedFinding(check: string, directory: string): Promise<Finding> {
  const path = join(directory, '.doctor');
  const bytes = Buffer.alloc(probeBytes, Buffer.from('forebay doctor probe '));
  const file = await open(path, 'w+', 0o600);
  try {
    const startedMs = performance.now();
    await file.writeFile(bytes);
    await file.datasync();
    const perSecond = probeBytes / Math.max(0.001, (performance.now() - startedMs) / 1000);
    const again = Buffer.alloc(probeBytes);
    await file.read(again, 0, probeBytes, 0);
    if (crc32(again) !== crc32(bytes)) {
      return fail(check, 'what was written is not what is read', 'replace the disk: it corrupts data');
    }
    const text = `writes ${formatSize(Math.round(perSecond))}/s, and reads back what it wrote`;
    return perSecond < slowBytesPerSecond
      ? warn(check, text, 'a slow disk caps how fast the cache fills: use a local SSD')
      : ok(check, text);
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
}

/** Free, or taken by the Forebay that has the data directory. */
export async function portFindings({ values }: ServeConfig, inUse: boolean): Promise<Finding[]> {
  const { host, port, adminPort } = values;
  if (inUse) return [await runningFinding(`http://${host}:${adminPort}`)];
  const places = [
    { host, port, portFlag: '--port' },
    { host, port: adminPort, portFlag: '--admin-port' },
  ];
  if (port === adminPort && port !== 0) {
    return [fail('port', `--port and --admin-port are both ${port}`, 'choose another --admin-port')];
  }
  return Promise.all(
    places.map(async (place) => {
      const check = `port ${place.port}`;
      try {
        await checkPort(place);
        return ok(check, 'is free');
      } catch (error) {
        const [what = '', fix = ''] = (error as Error).message.split('; ');
        return fail(check, what, fix);
      }
    }),
  );
}

async function runningFinding(admin: string): Promise<Finding> {
  const document = await fetch(`${admin}/api/v1/openapi.json`)
    .then((answer) => answer.json() as Promise<{ info?: { version?: string } }>)
    .catch(() => undefined);
  const running = document?.info?.version;
  if (running === undefined) {
    return warn(
      'running',
      `a Forebay has the data directory and does not answer at ${admin}`,
      'tell its --admin-port',
    );
  }
  return running === version
    ? ok('running', `Forebay ${running} answers at ${admin}`)
    : warn('running', `Forebay ${running} runs, this is ${version}`, 'restart it, so that both are the same');
}
