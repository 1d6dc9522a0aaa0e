/**
 * The linters of what is deployed, built from their Go modules into the cache of the test tools; and the
 * schemas of Kubernetes, made from the API description that its own module carries.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { installOnce } from '../support/cache.ts';
import { mustRun } from '../support/process.ts';
import { writeKubernetesSchemas } from './kubernetes-schemas.ts';

export const kubernetesVersion = 'v1.36.2';
const operatorVersion = 'v0.85.0';
const customResources = ['servicemonitors', 'prometheusrules'] as const;
const crdDirectory = 'example/prometheus-operator-crd';
const crdPrefix = 'monitoring.coreos.com_';
const programs = {
  helm: 'helm.sh/helm/v3/cmd/helm@v3.21.4',
  kubeconform: 'github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0',
  // What `docker compose config` reads its files with; Compose itself cannot be built from its module.
  compose: 'github.com/compose-spec/compose-go/v2/cmd@v2.16.2',
} as const;

/** @returns the path of the program. @throws Error where it cannot be built */
export async function goProgram(name: keyof typeof programs): Promise<string> {
  const module = programs[name];
  const directory = await installOnce(`${name}-${module.split('@')[1]}`, async (target) => {
    const env = { ...process.env, GOBIN: target, CGO_ENABLED: '0' };
    await mustRun('go', ['install', '-trimpath', module], { env });
  });
  // Go names a program after the last part of its path.
  return join(directory, module.split('@')[0]!.split('/').at(-1)!);
}

/** @returns a directory with `KIND-GROUP-VERSION.json`, as kubeconform asks for them */
export function kubernetesSchemas(): Promise<string> {
  const name = `kubernetes-schemas-${kubernetesVersion}-${operatorVersion}-${customResources.join('-')}`;
  return installOnce(name, async (target) => {
    const modules = join(target, 'modules');
    mkdirSync(modules);
    const kubernetes = await download(modules, `k8s.io/kubernetes@${kubernetesVersion}`);
    const operator = await download(
      modules,
      `github.com/prometheus-operator/prometheus-operator@${operatorVersion}`,
    );
    const definitions = customResources.map((kind) =>
      join(operator, crdDirectory, `${crdPrefix}${kind}.yaml`),
    );
    writeKubernetesSchemas(target, {
      swagger: readFileSync(join(kubernetes, 'api/openapi-spec/swagger.json'), 'utf8'),
      customResources: definitions.map((path) => readFileSync(path, 'utf8')),
    });
    rmSync(modules, { recursive: true });
  });
}

/** The sources of one module, without those that it needs. */
async function download(modules: string, module: string): Promise<string> {
  const env = { ...process.env, GOMODCACHE: modules, GOFLAGS: '-modcacherw' };
  const said = await mustRun('go', ['mod', 'download', '-json', module], { env, cwd: modules });
  return (JSON.parse(said) as { Dir: string }).Dir;
}
