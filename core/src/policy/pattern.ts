/**
 * Texts of a policy that are compared with texts of a request: with the wildcards `*` (any characters, `/`
 * too) and `?` (exactly one), and with the variable `${aws:username}`. Matching is linear in the text but for
 * `*`, which tries again from its last position: at worst pattern length times text length, never exponential.
 */
import { ConfigError } from '../config.ts';

export type Matcher = (text: string) => boolean;

type Token = { readonly literal: string } | 'any' | 'one' | 'username';

/** A text taken apart; it becomes a matcher once it is known whose policy it is in. */
export type Pattern = readonly Token[];

export interface PatternSyntax {
  /** `*` and `?` mean more than themselves. */
  readonly wildcards: boolean;
  /** `${...}` means more than itself: in policies of Version 2012-10-17. */
  readonly variables: boolean;
}

/** `${*}`, `${?}` and `${$}` are the characters themselves (IAM: policy variables, special characters). */
const specials = new Set(['*', '?', '$']);

/** @throws ConfigError on a variable that cannot be resolved here. */
export function parsePattern(text: string, syntax: PatternSyntax): Pattern {
  const tokens: Token[] = [];
  let literal = '';
  const push = (token: Token) => {
    if (literal !== '') tokens.push({ literal });
    literal = '';
    if (token !== 'any' || tokens.at(-1) !== 'any') tokens.push(token);
  };
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at]!;
    if (text.startsWith('${', at)) {
      const end = text.indexOf('}', at);
      const name = variableName(text, { at, end, allowed: syntax.variables });
      if (specials.has(name)) literal += name;
      else push('username');
      at = end;
    } else if (syntax.wildcards && character === '*') push('any');
    else if (syntax.wildcards && character === '?') push('one');
    else literal += character;
  }
  if (literal !== '') tokens.push({ literal });
  return tokens;
}

function variableName(text: string, variable: { at: number; end: number; allowed: boolean }): string {
  const { at, end, allowed } = variable;
  if (!allowed) {
    throw new ConfigError(`"${text}": variables such as \${aws:username} need "Version": "2012-10-17"`);
  }
  if (end < 0) throw new ConfigError(`"${text}": "\${" without its "}"`);
  const name = text.slice(at + 2, end);
  if (specials.has(name) || name.toLowerCase() === 'aws:username') return name;
  throw new ConfigError(`"${text}": the variable \${${name}} is not available; \${aws:username} is`);
}

/** What a user's name stands for is literal, whatever characters it has. */
export function compilePattern(pattern: Pattern, username: string): Matcher {
  const tokens = resolved(pattern, username);
  const [first, second] = tokens;
  if (first === undefined) return (text) => text === '';
  if (tokens.length === 1 && first === 'any') return () => true;
  if (tokens.length === 1 && typeof first === 'object') return (text) => text === first.literal;
  if (tokens.length === 2 && typeof first === 'object' && second === 'any') {
    return (text) => text.startsWith(first.literal);
  }
  const codes = codesOf(tokens);
  return (text) => matches(codes, text);
}

/** Without variables, and with neighbouring literals joined. */
function resolved(pattern: Pattern, username: string): Token[] {
  const tokens: Token[] = [];
  for (const token of pattern) {
    const before = tokens.at(-1);
    const literal = token === 'username' ? username : typeof token === 'object' ? token.literal : undefined;
    if (literal === undefined) tokens.push(token);
    else if (typeof before === 'object') tokens[tokens.length - 1] = { literal: before.literal + literal };
    else tokens.push({ literal });
  }
  return tokens;
}

const any = -1;
const one = -2;

/** UTF-16 units, and a negative number for a wildcard. */
function codesOf(tokens: readonly Token[]): Int32Array {
  const codes: number[] = [];
  for (const token of tokens) {
    if (token === 'any') codes.push(any);
    else if (token === 'one') codes.push(one);
    else if (typeof token === 'object') {
      for (let at = 0; at < token.literal.length; at += 1) codes.push(token.literal.charCodeAt(at));
    }
  }
  return Int32Array.from(codes);
}

function matches(codes: Int32Array, text: string): boolean {
  let code = 0;
  let at = 0;
  let afterAny = -1;
  let retryAt = 0;
  while (at < text.length) {
    const expected = code < codes.length ? codes[code]! : undefined;
    if (expected === any) {
      code += 1;
      afterAny = code;
      retryAt = at;
    } else if (expected === one || expected === text.charCodeAt(at)) {
      at += expected === one ? widthAt(text, at) : 1;
      code += 1;
    } else if (afterAny >= 0) {
      retryAt += widthAt(text, retryAt);
      at = retryAt;
      code = afterAny;
    } else return false;
  }
  while (codes[code] === any) code += 1;
  return code === codes.length;
}

/** A character beyond the basic plane is one character in two units. */
function widthAt(text: string, at: number): 1 | 2 {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
}
