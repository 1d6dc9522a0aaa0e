/** Programs that only the comparison with peers uses, built from the Go module proxy into the test cache. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installOnce } from '../../../test/support/cache.ts';
import { has, type Tool } from '../../../test/support/install.ts';
import { mustRun } from '../../../test/support/process.ts';

export const rcloneVersion = 'v1.76.0';
/** What the module proxy has of it: a commit, as its releases are named by dates. */
export const minioVersion = 'v0.0.0-20260212201848-7aac2a2c5b7c';

/** With the one backend and the one server that are measured: all of rclone takes long to compile. */
export function installRcloneServe(): Promise<Tool> {
  const module = 'github.com/rclone/rclone';
  const parts = ['backend/s3', 'cmd/serve', 'cmd/serve/s3', 'cmd/version'];
  const source = `package main

import (
	"${module}/cmd"
	${parts.map((part) => `_ "${module}/${part}"`).join('\n\t')}
)

func main() { cmd.Main() }
`;
  return buildGo(
    { name: 'rclone', directory: `rclone-serve-${rcloneVersion}`, source },
    module,
    rcloneVersion,
  );
}

export function installMinio(): Promise<Tool> {
  const module = 'github.com/minio/minio';
  const source = `package main

import (
	"os"

	minio "${module}/cmd"
)

func main() { minio.Main(os.Args) }
`;
  return buildGo({ name: 'minio', directory: `minio-${minioVersion}`, source }, module, minioVersion);
}

interface Program {
  readonly name: string;
  readonly directory: string;
  readonly source: string;
}

/** As a module of its own, as `go install` refuses modules that replace others. */
async function buildGo({ name, directory, source }: Program, module: string, version: string): Promise<Tool> {
  if (!(await has('go', 'version'))) return { missing: 'go not found' };
  const installed = await installOnce(directory, async (target) => {
    const env = { ...process.env, CGO_ENABLED: '0' };
    const go = (...args: string[]) => mustRun('nice', ['-n', '10', 'go', ...args], { cwd: target, env });
    writeFileSync(join(target, 'main.go'), source);
    await go('mod', 'init', `${name}.bench`);
    await go('get', `${module}@${version}`);
    await go('mod', 'tidy');
    await go('build', '-trimpath', '-o', join(target, name), '.');
  });
  return { path: join(installed, name) };
}
