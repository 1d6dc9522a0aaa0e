/** The ways in which test tools come: each fills a directory of its own in the cache (cache.ts), once. */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { installOnce } from './cache.ts';
import { mustRun, run } from './process.ts';

/** `path` is what each installer says it is. */
export type Tool = { readonly path: string } | { readonly missing: string };

/** Whether a command of the system runs at all. */
export async function has(command: string, versionFlag: string): Promise<boolean> {
  try {
    return (await run(command, [versionFlag])).code === 0;
  } catch {
    return false;
  }
}

/** `path`: the bin directory of a Python environment with these packages (`name==version`). */
export async function installPython(name: string, packages: readonly string[]): Promise<Tool> {
  if (!(await has('python3', '--version'))) return { missing: 'python3 not found' };
  const directory = await installOnce(name, async (target) => {
    await mustRun('python3', ['-m', 'venv', target]);
    const pip = ['install', '--quiet', '--disable-pip-version-check', ...packages];
    await mustRun(join(target, 'bin/pip'), pip);
  });
  return { path: join(directory, 'bin') };
}

export interface DebianProgram {
  /** The directory in the cache. */
  readonly name: string;
  /** What apt would be told to install. */
  readonly wanted: readonly string[];
  /** Packages to unpack also where the system has them. */
  readonly always?: readonly string[];
  /** Nothing else is unpacked: what these depend on is not needed here. */
  readonly alone?: boolean;
}

/**
 * Debian's packages unpacked into the cache, not installed: that needs no root and starts no service. What
 * the system already has of their dependencies is used from there. `path`: the root of what was unpacked.
 */
export async function unpackDebian({
  name,
  wanted,
  always = wanted,
  alone = false,
}: DebianProgram): Promise<Tool> {
  if (!(await has('apt-get', '--version')) || !(await has('dpkg-deb', '--version'))) {
    return { missing: `${name} needs apt-get and dpkg-deb (Debian, Ubuntu)` };
  }
  const directory = await installOnce(name, async (target) => {
    const packages = join(target, 'packages');
    mkdirSync(packages);
    const missing = await missingPackages(wanted);
    const all = alone ? always : [...new Set([...always, ...missing])];
    const download = ['-q', '-o', 'APT::Sandbox::User=root', 'download', ...all];
    await mustRun('apt-get', download, { cwd: packages });
    for (const file of readdirSync(packages)) {
      await mustRun('dpkg-deb', ['-x', join(packages, file), target]);
    }
    rmSync(packages, { recursive: true });
  });
  return { path: directory };
}

/** What apt would install, the wanted ones included where the system lacks them. */
async function missingPackages(wanted: readonly string[]): Promise<string[]> {
  const plan = ['install', '--simulate', '--no-install-recommends', ...wanted];
  let planned = await run('apt-get', plan);
  if (planned.code !== 0 && process.getuid?.() === 0) {
    await mustRun('apt-get', ['update', '-q']);
    planned = await run('apt-get', plan);
  }
  if (planned.code !== 0) {
    throw new Error(`apt-get has no ${wanted[0]}: ${planned.stderr.trim().split('\n')[0]}`);
  }
  return [...planned.stdout.matchAll(/^Inst (\S+)/gm)].map((match) => match[1]!);
}

/**
 * Copies artifacts (`group:artifact:version[:type]`) into a directory. Maven's own copies are not kept: some
 * of these are hundreds of megabytes.
 */
export async function copyFromMaven(directory: string, artifacts: readonly string[]): Promise<void> {
  const repository = join(directory, 'repository');
  const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy';
  for (const artifact of artifacts) {
    const options = [`-Dartifact=${artifact}`, `-DoutputDirectory=${directory}`];
    await mustRun('nice', [
      '-n',
      '10',
      'mvn',
      '-q',
      '-B',
      `-Dmaven.repo.local=${repository}`,
      goal,
      ...options,
    ]);
  }
  rmSync(repository, { recursive: true });
}
