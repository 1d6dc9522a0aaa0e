import { expect, it } from 'vitest';
import { textAt } from './contract/support.ts';
import { memoryUfs } from './memory.ts';
import { ufsContract } from './ufs.contract.ts';

ufsContract('memory', async () => {
  const ufs = memoryUfs();
  return { ufs, close: () => ufs.close() };
});

it('starts with the objects it is given', async () => {
  const ufs = memoryUfs({ 'a/text': 'hello', bytes: Buffer.from([1, 2, 3]) }, { identity: 'memory:test' });
  expect(ufs.identity).toBe('memory:test');
  expect(await textAt(ufs, 'a/text')).toBe('hello');
  expect(await ufs.head('bytes')).toMatchObject({ sizeBytes: 3 });
});
