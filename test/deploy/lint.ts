/**
 * `npm run deploy:lint`: what can be said of Dockerfile, compose.yaml and the Helm chart without a container
 * engine or a Kubernetes. Prints a line per check; exit code 1 where one fails.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { mustRun } from '../support/process.ts';
import { promtool } from '../support/prometheus.ts';
import { tempDir } from '../support/temp.ts';
import { toolPath } from '../support/tools.ts';
import { goProgram, kubernetesSchemas, kubernetesVersion } from './tools.ts';

const repository = resolve(import.meta.dirname, '../..');
const chart = join(repository, 'deploy/helm/forebay');

interface Check {
  readonly what: string;
  /** @returns what it found out. @throws Error where it is wrong */
  run(): Promise<string>;
}

/** The chart by its defaults, and with each file of values in `ci`. */
const valueSets = [
  { name: 'defaults', flags: [] as string[] },
  ...readdirSync(join(chart, 'ci')).map((file) => ({
    name: file,
    flags: ['--values', join(chart, 'ci', file)],
  })),
];

const checks: readonly Check[] = [
  ...valueSets.map(({ name, flags }) => ({
    what: `helm lint --strict (${name})`,
    run: async () => lastLine(await mustRun(await goProgram('helm'), ['lint', '--strict', chart, ...flags])),
  })),
  ...valueSets.map(({ name, flags }) => ({
    what: `helm template | kubeconform (${name})`,
    run: () => conform(flags),
  })),
  { what: 'rules and dashboards of the chart', run: chartRules },
  { what: 'compose config', run: composeConfig },
  { what: 'nginx -t', run: nginxConfig },
];

async function manifestsOf(flags: readonly string[]): Promise<string> {
  return mustRun(await goProgram('helm'), [
    ...['template', 'trial', chart, '--namespace', 'data', '--kube-version', kubernetesVersion],
    ...flags,
  ]);
}

async function conform(flags: readonly string[]): Promise<string> {
  const manifests = await manifestsOf(flags);
  const location = join(await kubernetesSchemas(), '{{.ResourceKind}}{{.KindSuffix}}.json');
  const options = ['-strict', '-summary', '-schema-location', location, '-'];
  return lastLine(await mustRun(await goProgram('kubeconform'), options, { input: manifests }));
}

/** That they are the files of deploy/prometheus and deploy/grafana, whole. */
async function chartRules(): Promise<string> {
  const manifests = await manifestsOf(['--set', 'prometheusRule.enabled=true,dashboards.enabled=true']);
  const documents = parseAllDocuments(manifests).map((document) => document.toJS() as Manifest);
  const ofKind = (wanted: string) => documents.find(({ kind }) => kind === wanted);
  const file = join(tempDir('chart-rules'), 'rules.yml');
  writeFileSync(file, stringify(ofKind('PrometheusRule')?.spec));
  const checked = await promtool(['check', 'rules', file]);
  const { data = {} } = ofKind('ConfigMap') ?? {};
  const names = readdirSync(join(repository, 'deploy/grafana/dashboards'));
  for (const name of names) {
    const text = readFileSync(join(repository, 'deploy/grafana/dashboards', name), 'utf8');
    if (data[name] !== text) throw new Error(`the ConfigMap has another ${name}`);
  }
  return `${/\d+ rules/.exec(checked)?.[0]}, ${names.length} dashboards`;
}

interface Manifest {
  readonly kind: string;
  readonly spec?: unknown;
  readonly data?: Readonly<Record<string, string>>;
}

async function composeConfig(): Promise<string> {
  const options = ['-format', 'json', join(repository, 'compose.yaml')];
  const env = { ...process.env, COMPOSE_PROFILES: 'loadtest,monitoring' };
  const config = JSON.parse(await mustRun(await goProgram('compose'), options, { env }));
  const { services } = config as { services: Record<string, unknown> };
  return `services: ${Object.keys(services).sort().join(', ')}`;
}

/** nginx looks the names of its upstreams up when it reads them: here they stand for this machine. */
async function nginxConfig(): Promise<string> {
  const directory = tempDir('nginx-lint');
  const conf = readFileSync(join(repository, 'deploy/docker/nginx.conf'), 'utf8');
  writeFileSync(join(directory, 'servers.conf'), conf.replaceAll(/gateway-\d:9000/g, '127.0.0.1:9'));
  mkdirSync(join(directory, 'tmp'));
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path tmp;`);
  const main = [
    'pid nginx.pid;',
    'events {}',
    'http {',
    'access_log off;',
    ...paths,
    'include servers.conf;',
    '}',
  ];
  writeFileSync(join(directory, 'nginx.conf'), main.join('\n'));
  const program = join(await toolPath('nginx'), 'usr/sbin/nginx');
  await mustRun(program, ['-t', '-p', directory, '-c', join(directory, 'nginx.conf'), '-e', 'stderr']);
  return 'the configuration is valid';
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)!;
}

let failed = 0;
for (const { what, run } of checks) {
  try {
    console.log(`ok      ${what}: ${await run()}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${what}: ${error instanceof Error ? error.message : error}`);
  }
}
process.exitCode = failed === 0 ? 0 : 1;
