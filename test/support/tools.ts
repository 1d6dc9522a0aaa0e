/**
 * Programs that tests use and npm does not bring: installed on demand into the cache (cache.ts), once. A tool
 * that this machine cannot have gives its reason, which the end of `npm test` prints; on CI that is a
 * failure.
 */
import { join } from 'node:path';
import { installOnce } from './cache.ts';
import { installChromium } from './chromium.ts';
import { has, installPython, type Tool, unpackDebian } from './install.ts';
import { interopInstallers } from './interop-tools.ts';
import { mustRun } from './process.ts';

export const versitygwVersion = 'v1.8.0';
const boto3Version = '1.44.5';
const awscliVersion = '1.46.2';

/**
 * `path`: versitygw's binary; the bin directory of the Python environment; the root of radosgw's programs;
 * of the others, see interop-tools.ts.
 */
const installers = {
  versitygw: installVersitygw,
  python: installBoto,
  radosgw: installRadosgw,
  nginx: installNginx,
  redis: installRedis,
  prometheus: installPrometheus,
  chromium: installChromium,
  ...interopInstallers,
} as const satisfies Readonly<Record<string, () => Promise<Tool>>>;
export type ToolName = keyof typeof installers;
const asked = new Map<ToolName, Promise<Tool>>();

/** Installs the tool unless that was done before. Never throws: a failed installation is a reason too. */
export function tool(name: ToolName): Promise<Tool> {
  const known = asked.get(name);
  if (known) return known;
  const asking = installers[name]().catch(
    (error: unknown): Tool => ({ missing: `${name} cannot be installed: ${firstLine(error)}` }),
  );
  asked.set(name, asking);
  return asking;
}

/** For code behind `needs`. @throws Error with the reason. */
export async function toolPath(name: ToolName): Promise<string> {
  const found = await tool(name);
  if ('missing' in found) throw new Error(found.missing);
  return found.path;
}

/**
 * Options for `describe` or `it`: `describe('boto3', await needs('python'), () => ...)` is skipped with its
 * reason where a tool is missing.
 */
export async function needs(...names: ToolName[]): Promise<{ skip: boolean; meta: { skipReason?: string } }> {
  const found = await Promise.all(names.map(tool));
  const reasons = found.flatMap((one) => ('missing' in one ? [one.missing] : []));
  return reasons.length === 0
    ? { skip: false, meta: {} }
    : { skip: true, meta: { skipReason: reasons.join('; ') } };
}

async function installVersitygw(): Promise<Tool> {
  if (!(await has('go', 'version'))) return { missing: 'go not found' };
  const directory = await installOnce(`versitygw-${versitygwVersion}`, async (target) => {
    const module = `github.com/versity/versitygw/cmd/versitygw@${versitygwVersion}`;
    const env = { ...process.env, GOBIN: target, CGO_ENABLED: '0' };
    await mustRun('go', ['install', '-trimpath', module], { env });
  });
  return { path: join(directory, 'versitygw') };
}

function installBoto(): Promise<Tool> {
  const name = `python-boto3-${boto3Version}-awscli-${awscliVersion}`;
  return installPython(name, [`boto3==${boto3Version}`, `awscli==${awscliVersion}`]);
}

/** One program, and what the system lacks of its libraries. */
function installNginx(): Promise<Tool> {
  return unpackDebian({ name: 'nginx', wanted: ['nginx'] });
}

function installRedis(): Promise<Tool> {
  return unpackDebian({ name: 'redis', wanted: ['redis-server', 'redis-tools'] });
}

/** Server and promtool: 19 MB. What else Debian has it bring is for its pages. */
function installPrometheus(): Promise<Tool> {
  return unpackDebian({ name: 'prometheus', wanted: ['prometheus'], alone: true });
}

/** A gateway with one monitor and one store, and the parts themselves if the system has them. */
function installRadosgw(): Promise<Tool> {
  const parts = ['radosgw', 'ceph-mon', 'ceph-osd', 'ceph-base', 'ceph-common', 'librados2', 'librgw2'];
  return unpackDebian({ name: 'radosgw', wanted: ['radosgw', 'ceph-mon', 'ceph-osd'], always: parts });
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n')[0]!.slice(0, 300);
}

declare module 'vitest' {
  interface TaskMeta {
    /** Why a test is skipped. */
    skipReason?: string;
  }
}
