/**
 * The rules of the house that a machine can check: who imports whom, sizes, and what a source file may not
 * hold.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { functionsOf, importsOf, withoutText } from './support/source-scan.ts';

const repository = join(import.meta.dirname, '..');
const lineLengthMax = 110;
const functionLinesMax = 60;
const parametersMax = 4;
const linesMax = 300;
const testLinesMax = 500;

/** What each workspace may import of the others. Arrows never turn back. */
const importEdges: Readonly<Record<string, readonly string[]>> = {
  core: [],
  ufs: ['core'],
  registry: ['core'],
  'cache-node': ['core', 'ufs'],
  'data-plane': ['core'],
  cluster: ['core', 'ufs', 'data-plane'],
  gateway: ['core', 'ufs'],
  cli: ['core', 'ufs', 'registry', 'cache-node', 'data-plane', 'cluster', 'gateway'],
  dashboard: [],
  loadtest: [],
};
/** Packages of npm that core may use: each behind one file. */
const corePackages = new Set(['zod', 'yaml', 'prom-client', 'pino', 'koffi']);
/** Packages that have one home. Tests may use them anywhere, as a client and as an oracle. */
const packageHomes: readonly { readonly name: string; readonly home: RegExp }[] = [
  { name: '@aws-sdk/client-s3', home: /^ufs\/src\/s3(\.ts$|-|\/)/ },
  { name: 'xml2js', home: /^gateway\/src\/s3\/xml\.ts$/ },
];

interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly isTest: boolean;
}

const files = sourceFiles();
const typescript = files.filter(({ path }) => path.endsWith('.ts'));
const product = typescript.filter(({ isTest }) => !isTest);

/** Everything git tracks or would add, so that a new file is judged before it is committed. */
function sourceFiles(): SourceFile[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: repository,
    encoding: 'utf8',
  });
  const paths = listed.split('\0').filter((path) => path !== '' && existsSync(join(repository, path)));
  return paths
    .filter((path) => /\.(ts|tsx|js|mjs|sh|md|ya?ml|json)$|(^|\/)(Dockerfile|run)$/.test(path))
    .filter((path) => path !== 'package-lock.json')
    .map((path) => {
      const text = readFileSync(join(repository, path), 'utf8');
      return { path, text, isTest: path.startsWith('test/') || /\.(test|contract)\.ts$/.test(path) };
    });
}

function offences(of: readonly SourceFile[], find: (file: SourceFile) => readonly string[]): string[] {
  return of.flatMap((file) => find(file).map((what) => `${file.path}: ${what}`));
}

it('finds the sources it judges', () => {
  expect(product.length).toBeGreaterThan(10);
  expect(typescript.length).toBeGreaterThan(product.length);
});

it('lets workspaces import only along the arrows', () => {
  const wrong = offences(typescript, ({ path, text }) => {
    const from = path.split('/')[0]!;
    const allowed = importEdges[from];
    if (!allowed) return [];
    return importsOf(text).filter((name) => {
      const target = /^@forebay\/([^/]+)/.exec(name)?.[1];
      if (target) return target === from || !allowed.includes(target);
      return name.startsWith('.') && leavesWorkspace(path, name);
    });
  });
  expect(wrong).toEqual([]);
});

/** Tests may reach the shared helpers in test/. */
function leavesWorkspace(path: string, name: string): boolean {
  const target = join(path, '..', name);
  if (target.startsWith(`${path.split('/')[0]}/`)) return false;
  return !(path.endsWith('.test.ts') && target.startsWith('test/'));
}

it('keeps core free of packages but its few', () => {
  const core = product.filter(({ path }) => path.startsWith('core/'));
  const wrong = offences(core, ({ text }) =>
    importsOf(text).filter((name) => isPackage(name) && !corePackages.has(name)),
  );
  expect(wrong).toEqual([]);
});

it('keeps every package of core behind one file', () => {
  const core = product.filter(({ path }) => path.startsWith('core/'));
  for (const name of corePackages) {
    const users = core.filter(({ text }) => importsOf(text).includes(name)).map(({ path }) => path);
    expect(users.length, `${name} is imported by ${users.join(', ')}`).toBeLessThan(2);
  }
});

function isPackage(name: string): boolean {
  return !name.startsWith('.') && !name.startsWith('node:') && !name.startsWith('@forebay/');
}

it('keeps packages with one home at home', () => {
  const wrong = offences(product, ({ path, text }) => {
    const foreign = packageHomes.filter(({ home }) => !home.test(path)).map(({ name }) => name);
    return importsOf(text).filter((name) => foreign.includes(name));
  });
  expect(wrong.filter((line) => !line.startsWith('bench/'))).toEqual([]);
});

it('writes relative imports with their extension', () => {
  const wrong = offences(typescript, ({ text }) =>
    importsOf(text).filter((name) => name.startsWith('.') && !/\.(ts|js|json)$/.test(name)),
  );
  expect(wrong).toEqual([]);
});

/** A long text in quotes makes no long line: no formatter breaks it, and in two it cannot be searched for. */
const withoutLongText = (line: string) => line.replace(/(['"`]).*\1/, '');

it('keeps files, functions, parameter lists and lines short', () => {
  const wrong = offences(typescript, ({ path, text, isTest }) => {
    const lines = text.split('\n');
    const max = isTest ? testLinesMax : linesMax;
    const found = lines.length - 1 > max ? [`${lines.length - 1} lines, more than ${max}`] : [];
    lines.forEach((line, index) => {
      const { length } = withoutLongText(line);
      if (length > lineLengthMax) found.push(`line ${index + 1} has ${length} characters`);
    });
    for (const { name, line, lineCount, parameterCount } of functionsOf(text)) {
      if (lineCount > functionLinesMax && !isSuite(path, name))
        found.push(`${name} (${line}): ${lineCount} lines`);
      if (parameterCount > parametersMax) found.push(`${name} (${line}): ${parameterCount} parameters`);
    }
    return found;
  });
  expect(wrong).toEqual([]);
});

/**
 * The body of a `describe` or of a contract suite is a list of tests, not a function that someone must
 * follow.
 */
function isSuite(path: string, name: string): boolean {
  return name === 'describe callback' || (path.endsWith('.contract.ts') && /Contract$/.test(name));
}

it('writes no enum, namespace, default export or escape from the checks', () => {
  const configs = new Set(['vitest.config.ts']);
  const wrong = offences(typescript, ({ path, text }) => {
    const code = withoutText(text);
    const found: string[] = [];
    if (/^\s*(export\s+)?(declare\s+)?(const\s+)?enum\s/m.test(code)) found.push('enum');
    if (/^\s*(export\s+)?(declare\s+)?namespace\s/m.test(code)) found.push('namespace');
    if (/^\s*export default\b/m.test(code) && !configs.has(path) && !/^loadtest\//.test(path)) {
      found.push('default export');
    }
    if (/:\s*any\b|\bas any\b|<any\b/.test(code)) found.push('any');
    if (new RegExp(['@ts', '-(ignore|expect-error|nocheck)|biome', '-ignore'].join('')).test(text)) {
      found.push('silenced check');
    }
    return found;
  });
  expect(wrong).toEqual([]);
});

it('leaves nothing focused, switched off or unfinished', () => {
  const marks = new RegExp(['\\b(TO', 'DO|FIX', 'ME|X', 'XX)\\b'].join(''));
  const wrong = offences(typescript, ({ text }) => {
    const found = /\b(it|test|describe)\.(only|skip|todo)\b/.exec(withoutText(text));
    const mark = marks.exec(text);
    return [...(found ? [found[0]] : []), ...(mark ? [mark[0]] : [])];
  });
  expect(wrong).toEqual([]);
});

it('keeps no conflict of a merge', () => {
  const wrong = offences(files, ({ text }) => (/^(<{7}|>{7}) /m.test(text) ? ['conflict marker'] : []));
  expect(wrong).toEqual([]);
});

it('names no path of a machine', () => {
  const places = new RegExp(
    ['(^|[^\\w.$}-])/(wo', 'rk|fa', 'rm|ho', 'me|ro', 'ot|Us', 'ers)/\\w'].join(''),
    'm',
  );
  const wrong = offences(files, ({ text }) => {
    const found = places.exec(text);
    return found ? [found[0].trim()] : [];
  });
  expect(wrong).toEqual([]);
});

it('opens every source file with what it owns', () => {
  const owners = product.filter(({ path }) => path !== 'vitest.config.ts');
  const wrong = offences(owners, ({ text }) =>
    /^(#!.*\n)?\s*(\/\*\*|\/\/)/.test(text) ? [] : ['starts without a comment'],
  );
  expect(wrong).toEqual([]);
});
