import { expect, it } from 'vitest';
import { functionsOf, importsOf, withoutText } from './support/source-scan.ts';

it('blanks text and keeps code, lines and columns', () => {
  const lines = [
    "const a = '}'; // {",
    // In two pieces, for the linter takes the whole for a template that lost its backticks.
    ['const b = `x$', "{{ c: '`' }}y{`; const d = 4 / 2 / 1; const e = /[/{]'/;"].join(''),
  ];
  const source = lines.join('\n');
  const code = withoutText(source);
  expect(code.length).toBe(source.length);
  expect(code.indexOf('\n')).toBe(source.indexOf('\n'));
  expect(code.replace(/\s+/g, ' ')).toBe('const a = ; const b = { c: } ; const d = 4 / 2 / 1; const e = ;');
});

it('finds imports, and none in comments or text', () => {
  const source = `
import { a } from './a.ts';
import type { B } from "@forebay/core/b";
import 'side-effect';
export { c } from './c.ts';
// import { d } from './d.ts';
const text = "import { e } from 'e'";
const f = await import('./f.ts');
import {
  g,
} from 'g';
`;
  expect(importsOf(source)).toEqual(['./a.ts', '@forebay/core/b', 'side-effect', './c.ts', './f.ts', 'g']);
});

it('measures functions, methods and arrow functions', () => {
  const source = `
export async function first(a: string, b: Map<string, number>): Promise<void> {
  if (a) {
    return;
  }
}
class C {
  #second({ x, y }: { x: number; y: number }, z = [1, 2]): { a: number } {
    return { a: x };
  }
}
const third = async (a: number, b: (c: number, d: number) => void, e: string, f: string, g: string) => {
  for (const h of [a]) {
    b(h, h);
  }
};
describe('fourth', await needs('x'), () => {
  run();
});
`;
  const found = functionsOf(source).map(({ name, line, lineCount, parameterCount }) => {
    return [name, line, lineCount, parameterCount];
  });
  expect(found).toEqual([
    ['first', 2, 5, 2],
    ['#second', 8, 3, 2],
    ['third', 12, 5, 5],
    ['describe callback', 17, 3, 0],
  ]);
});
