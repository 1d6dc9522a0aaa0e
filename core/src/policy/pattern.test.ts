import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compilePattern, parsePattern } from './pattern.ts';

const syntax = { wildcards: true, variables: true };
const matches = (pattern: string, text: string, username = 'ann') =>
  compilePattern(parsePattern(pattern, syntax), username)(text);

/** The obvious way: a regular expression. */
function model(pattern: string, text: string): boolean {
  const source = [...pattern].map((character) => {
    if (character === '*') return '.*';
    return character === '?' ? '.' : character.replace(/[\\^$.|+()[\]{}/]/g, '\\$&');
  });
  return new RegExp(`^${source.join('')}$`, 'su').test(text);
}

describe('patterns', () => {
  it('match as a regular expression would', () => {
    const letters = fc.constantFrom('a', 'b', '/', '🪣', '.');
    const patterns = fc.array(fc.oneof(letters, fc.constantFrom('*', '?')), { maxLength: 8 });
    const texts = fc.array(letters, { maxLength: 10 });
    fc.assert(
      fc.property(patterns, texts, (pattern, text) => {
        expect(matches(pattern.join(''), text.join(''))).toBe(model(pattern.join(''), text.join('')));
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    ['lake/raw/*', 'lake/raw/', true],
    ['lake/raw/*', 'lake/raw', false],
    ['lake*', 'lake/raw/x', true],
    ['lake', 'lakes', false],
    ['*', '', true],
    ['?*', '', false],
    ['home/${aws:username}/*', 'home/ann/x', true],
    ['home/${aws:username}/*', 'home/bob/x', false],
    ['home/${AWS:UserName}/*', 'home/ann/x', true],
    ['a${*}b', 'a*b', true],
    ['a${*}b', 'axb', false],
    ['a${?}${$}', 'a?$', true],
    ['5$', '5$', true],
  ])('%s, %s: %s', (pattern, text, expected) => {
    expect(matches(pattern, text)).toBe(expected);
  });

  it('take the characters of a user name as they are', () => {
    expect(matches('home/${aws:username}', 'home/x', '*')).toBe(false);
    expect(matches('home/${aws:username}', 'home/*', '*')).toBe(true);
  });

  it.each([
    ['${aws:sourceip}', 'the variable ${aws:sourceip} is not available; ${aws:username} is'],
    ['${aws:username', '"${" without its "}"'],
  ])('refuse the variable %s', (pattern, message) => {
    expect(() => parsePattern(pattern, syntax)).toThrow(message);
  });

  it('stay fast where a backtracking regular expression would not', () => {
    const text = 'a'.repeat(1024);
    expect(matches(`${'*a'.repeat(100)}*b`, text)).toBe(false);
  });
});
