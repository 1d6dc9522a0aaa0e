/**
 * Programs that tests use and npm does not bring: installed on demand into the cache (cache.ts), once. A tool
 * that this machine cannot have gives its reason, which the end of `npm test` prints; on CI that is a
 * failure.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { installOnce } from './cache.ts';
import { mustRun, run } from './process.ts';

const versitygwVersion = 'v1.8.0';
const boto3Version = '1.44.5';
const awscliVersion = '1.46.2';

export type ToolName = 'versitygw' | 'python' | 'radosgw' | 'nginx';
/**
 * `path`: versitygw's binary; the bin directory of the Python environment; the root of radosgw's programs.
 */
export type Tool = { readonly path: string } | { readonly missing: string };

const installers: Readonly<Record<ToolName, () => Promise<Tool>>> = {
  versitygw: installVersitygw,
  python: installPython,
  radosgw: installRadosgw,
  nginx: installNginx,
};
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

async function installPython(): Promise<Tool> {
  if (!(await has('python3', '--version'))) return { missing: 'python3 not found' };
  const name = `python-boto3-${boto3Version}-awscli-${awscliVersion}`;
  const directory = await installOnce(name, async (target) => {
    await mustRun('python3', ['-m', 'venv', target]);
    const packages = [`boto3==${boto3Version}`, `awscli==${awscliVersion}`];
    const pip = ['install', '--quiet', '--disable-pip-version-check', ...packages];
    await mustRun(join(target, 'bin/pip'), pip);
  });
  return { path: join(directory, 'bin') };
}

/**
 * Debian's packages unpacked into the cache, not installed: that needs no root and starts no service. What
 * the system already has of their dependencies is used from there.
 */
async function installRadosgw(): Promise<Tool> {
  if (!(await has('apt-get', '--version')) || !(await has('dpkg-deb', '--version'))) {
    return { missing: 'radosgw needs apt-get and dpkg-deb (Debian, Ubuntu)' };
  }
  const directory = await installOnce('radosgw', async (target) => {
    const packages = join(target, 'packages');
    mkdirSync(packages);
    const download = ['-q', '-o', 'APT::Sandbox::User=root', 'download', ...(await radosgwPackages())];
    await mustRun('apt-get', download, { cwd: packages });
    for (const file of readdirSync(packages)) {
      await mustRun('dpkg-deb', ['-x', join(packages, file), target]);
    }
    rmSync(packages, { recursive: true });
  });
  return { path: directory };
}

/** One program, which finds its libraries in the system. */
async function installNginx(): Promise<Tool> {
  if (!(await has('apt-get', '--version')) || !(await has('dpkg-deb', '--version'))) {
    return { missing: 'nginx needs apt-get and dpkg-deb (Debian, Ubuntu)' };
  }
  const directory = await installOnce('nginx', async (target) => {
    await mustRun('apt-get', ['-q', '-o', 'APT::Sandbox::User=root', 'download', 'nginx'], { cwd: target });
    const file = readdirSync(target).find((name) => name.endsWith('.deb'));
    await mustRun('dpkg-deb', ['-x', join(target, file!), target]);
  });
  return { path: directory };
}

/**
 * What apt would install for a gateway with one monitor and one store, and the parts themselves if it has
 * them.
 */
async function radosgwPackages(): Promise<string[]> {
  const parts = ['radosgw', 'ceph-mon', 'ceph-osd', 'ceph-base', 'ceph-common', 'librados2', 'librgw2'];
  const plan = ['install', '--simulate', '--no-install-recommends', 'radosgw', 'ceph-mon', 'ceph-osd'];
  let planned = await run('apt-get', plan);
  if (planned.code !== 0 && process.getuid?.() === 0) {
    await mustRun('apt-get', ['update', '-q']);
    planned = await run('apt-get', plan);
  }
  if (planned.code !== 0) throw new Error(`apt-get has no radosgw: ${planned.stderr.trim().split('\n')[0]}`);
  const missing = [...planned.stdout.matchAll(/^Inst (\S+)/gm)].map((match) => match[1]!);
  return [...new Set([...parts, ...missing])];
}

async function has(command: string, versionFlag: string): Promise<boolean> {
  try {
    return (await run(command, [versionFlag])).code === 0;
  } catch {
    return false;
  }
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
