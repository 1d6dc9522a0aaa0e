import { expect, it } from 'vitest';
import type { CpuProfile } from './cpu-profile.ts';
import { flameGraph } from './flame-graph.ts';

const frame = (functionName: string, url = '') => ({ functionName, url, lineNumber: 9 });
const profile: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame('(root)'), children: [2, 4, 5] },
    { id: 2, callFrame: frame('serve', 'file:///src/<gate>.ts'), children: [3] },
    { id: 3, callFrame: frame('writev') },
    { id: 4, callFrame: frame('(garbage collector)') },
    { id: 5, callFrame: frame('(idle)') },
  ],
  samples: [2, 3, 3, 4, 5],
  timeDeltas: [100, 200, 100, 100, 9999],
};

it('draws each call above its caller, as wide as its share of the time that was not waited', () => {
  const svg = flameGraph(profile, 'GET & serve');
  expect(svg).toContain('GET &#38; serve');
  const shares = [...svg.matchAll(/<title>(.*): (.*) %<\/title>.*?y="(\d+)" width="([\d.]+)"/g)].map(
    ([, name, share, y, width]) => ({ name, share, y: Number(y), width }),
  );
  expect(shares).toMatchObject([
    { name: 'all', share: '100.0', width: '1200.0' },
    { name: '(garbage collector)', share: '20.0', width: '240.0' },
    { name: 'serve &#60;gate&#62;.ts:10', share: '80.0', width: '960.0' },
    { name: 'writev', share: '60.0', width: '720.0' },
  ]);
  expect(shares[3]!.y).toBeLessThan(shares[2]!.y);
  expect(svg).not.toContain('idle');
});
