import fc from 'fast-check';
import { expect, it } from 'vitest';
import { jsonLines } from './json-lines.ts';

it('finds the same lines wherever the bytes are cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.jsonValue()),
      fc.array(fc.nat(200)),
      fc.boolean(),
      async (values, cuts, ended) => {
        const text = values.map((value) => JSON.stringify(value)).join('\n');
        const bytes = Buffer.from(ended && values.length > 0 ? `${text}\n` : text);
        const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
        async function* pieces() {
          for (let index = 1; index < at.length; index += 1) yield bytes.subarray(at[index - 1], at[index]);
        }
        const lines: unknown[] = [];
        for await (const line of jsonLines(pieces())) lines.push(line);
        expect(lines).toEqual(JSON.parse(JSON.stringify(values)));
      },
    ),
  );
});
