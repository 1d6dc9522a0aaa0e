/** Looks at a set-up as `forebay serve` would start it, and says what is wrong and how to mend it. */
import { ConfigError } from '@forebay/core/config';
import { readRootCredentials } from '../data-dir.ts';
import { loadServeConfig, type ServeConfig, type ServeSources } from '../serve-config.ts';
import { version } from '../version.ts';
import { type Finding, fail, ok, warn } from './finding.ts';
import { dataDirFinding, diskFindings, memoryFinding, portFindings } from './machine.ts';
import { mountFindings } from './mounts.ts';

/** @param onFinding hears of each as it is found */
export async function diagnose(
  sources: ServeSources,
  onFinding: (finding: Finding) => void,
): Promise<Finding[]> {
  const all: Finding[] = [];
  const tell = (...findings: readonly Finding[]) => {
    for (const finding of findings) {
      all.push(finding);
      onFinding(finding);
    }
  };
  tell(ok('version', `Forebay ${version}, Node ${process.versions.node}`));
  const config = configOf(sources, tell);
  if (!config) return all;
  const { finding, inUse } = dataDirFinding(config);
  tell(memoryFinding(config), finding);
  if (finding.state === 'ok') tell(keysFinding(config), ...(await diskFindings(config)));
  tell(...(await portFindings(config, inUse)));
  const ofMounts = await Promise.all(
    config.mounts.filter(isGiven(config)).map((mount) => mountFindings(mount, sources.env)),
  );
  tell(...ofMounts.flat());
  return all;
}

function configOf(sources: ServeSources, tell: (finding: Finding) => void): ServeConfig | undefined {
  try {
    const config = loadServeConfig(sources);
    tell(
      ok(
        'config',
        `${config.mounts.length} mounts, ${config.rules.length} rules, ${config.users.length} users`,
      ),
    );
    for (const warning of config.warnings) tell(warn('config', warning, 'correct or unset it'));
    return config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    tell(fail('config', error.message, 'correct it; docs/configuration.md has every setting'));
    return undefined;
  }
}

/** The directory that is served where nothing is mounted is made at the start. */
function isGiven({ dataDir }: ServeConfig) {
  return ({ ufs }: ServeConfig['mounts'][number]) =>
    !(ufs.scheme === 'file' && ufs.directory === dataDir.localPath);
}

function keysFinding({ values, dataDir }: ServeConfig): Finding {
  if (values.accessKey !== undefined) return ok('root user', 'its keys are set in the environment');
  try {
    const kept = readRootCredentials(dataDir);
    return ok(
      'root user',
      kept ? 'its keys are kept in the data directory' : 'its keys are made at the start',
    );
  } catch (error) {
    const [what = '', fix = ''] = (error as Error).message.split('; ');
    return fail('root user', what, fix);
  }
}
