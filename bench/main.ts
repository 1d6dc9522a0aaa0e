/**
 * `npm run bench -- NAME FLAGS`: runs one benchmark of this folder, `reads` where none is named. Each is a
 * program of its own, too: `node bench/NAME.ts FLAGS`.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts') && file !== 'main.ts')
  .map((file) => file.slice(0, -'.ts'.length))
  .sort();

const [first = ''] = process.argv.slice(2);
const name = first === '' || first.startsWith('-') ? 'reads' : first;
if (first === '--list' || !names.includes(name)) {
  process.stdout.write(`Usage: npm run bench -- [NAME] [--help]\n\nNames: ${names.join(', ')}\n`);
  process.exitCode = first === '--list' ? 0 : 2;
} else {
  if (name === first) process.argv.splice(2, 1);
  await import(join(import.meta.dirname, `${name}.ts`));
}
