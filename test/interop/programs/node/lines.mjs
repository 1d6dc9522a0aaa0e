/** Does what it is told line by line: see test/interop/program.ts. */
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

/** Packages of the directory in INTEROP_MODULES. */
export const require = createRequire(`${process.env.INTEROP_MODULES}/package.json`);

/** `operations`: functions by name, given words; they answer with nothing, a word or an array of words. */
export async function serve(operations) {
  for await (const line of createInterface({ input: process.stdin })) {
    const [name, ...words] = line.split(' ').map(decodeURIComponent);
    let answer;
    try {
      answer = ['ok', ...[(await operations[name](...words)) ?? []].flat()];
    } catch (error) {
      console.error(error);
      answer = ['error', String(error)];
    }
    console.log(`@ ${answer.map(encodeURIComponent).join(' ')}`);
  }
}
