import { readFileSync } from 'node:fs';
import { parseConfigFile } from '@forebay/core/config-file';
import { parseMounts } from '@forebay/core/mount-uri';
import { serveSettings } from 'forebay/settings';
import { describe, expect, it } from 'vitest';
import { generatedDocs } from '../scripts/docs.ts';

describe('docs', () => {
  it.each(Object.entries(generatedDocs()))(
    'docs/%s is what the code says (node scripts/docs.ts)',
    (name, text) => {
      expect(readFileSync(new URL(`../docs/${name}`, import.meta.url), 'utf8')).toBe(text);
    },
  );

  it('shows a config file that works', () => {
    const yaml = /```yaml\n(.*?)```/s.exec(generatedDocs()['configuration.md']!)![1]!;
    const { mounts } = parseConfigFile({ name: 'example', text: yaml, settings: serveSettings });
    const paths = parseMounts(mounts, { pageSizeBytes: 1, createdAtMs: 0 }).map((mount) => mount.path);
    expect(paths).toEqual(['/lake', '/models']);
  });
});
