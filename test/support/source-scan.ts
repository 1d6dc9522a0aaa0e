/**
 * A small honest reader of TypeScript: it knows strings, templates, comments and regular expressions well
 * enough to match brackets, and finds imports, functions and their lengths. No types, no syntax tree.
 */

/**
 * Quoted text, templates, regular expressions and comments as spaces; every line and column stays where it
 * was.
 */
export function withoutText(source: string): string {
  const out: string[] = [];
  /** Depths of braces at which a template's `${` was opened. */
  const templates: number[] = [];
  let depth = 0;
  let index = 0;
  const blank = (endExclusive: number) => {
    out.push(source.slice(index, endExclusive).replace(/[^\n]/g, ' '));
    index = endExclusive;
  };
  while (index < source.length) {
    const character = source[index]!;
    const end = textEnd(source, index, out);
    if (end !== undefined) {
      blank(end);
    } else if (character === '`' || (character === '}' && templates.at(-1) === depth)) {
      if (character === '}') templates.pop();
      const stop = templateEnd(source, index + 1);
      if (stop.opens) templates.push(depth);
      blank(stop.endExclusive);
    } else {
      if (character === '{') depth += 1;
      if (character === '}') depth -= 1;
      out.push(character);
      index += 1;
    }
  }
  return out.join('');
}

/** Where a comment, string or regular expression that starts here ends; undefined where none starts. */
function textEnd(source: string, index: number, before: readonly string[]): number | undefined {
  const two = source.slice(index, index + 2);
  if (two === '//' || (index === 0 && two === '#!')) return endOr(source, source.indexOf('\n', index));
  if (two === '/*') return endOr(source, source.indexOf('*/', index + 2), 2);
  const character = source[index]!;
  if (character === "'" || character === '"') return closing(source, index + 1, character);
  if (character === '/' && regexMayStart(before)) return regexEnd(source, index + 1);
  return undefined;
}

function endOr(source: string, found: number, length = 0): number {
  return found === -1 ? source.length : found + length;
}

function closing(source: string, from: number, quote: string): number {
  for (let index = from; index < source.length; index += 1) {
    if (source[index] === '\\') index += 1;
    else if (source[index] === quote) return index + 1;
  }
  return source.length;
}

function templateEnd(source: string, from: number): { endExclusive: number; opens: boolean } {
  for (let index = from; index < source.length; index += 1) {
    if (source[index] === '\\') index += 1;
    else if (source[index] === '`') return { endExclusive: index + 1, opens: false };
    else if (source.startsWith('${', index)) return { endExclusive: index + 2, opens: true };
  }
  return { endExclusive: source.length, opens: false };
}

/** A slash divides after a value and starts a regular expression after anything else. */
function regexMayStart(before: readonly string[]): boolean {
  const tail = before.slice(-40).join('').trimEnd();
  return !/[\w$)\]}]$/.test(tail) || /\b(return|typeof|case|of|in|await)$/.test(tail);
}

function regexEnd(source: string, from: number): number | undefined {
  let inClass = false;
  for (let index = from; index < source.length && source[index] !== '\n'; index += 1) {
    const character = source[index];
    if (character === '\\') index += 1;
    else if (character === '[') inClass = true;
    else if (character === ']') inClass = false;
    else if (character === '/' && !inClass) return index + 1;
  }
  return undefined;
}

/** Module names of static and dynamic imports and re-exports. */
export function importsOf(source: string): string[] {
  const code = withoutText(source);
  const names: string[] = [];
  for (const match of code.matchAll(/\b(?:from|import)[\s(]+(?=[^\S\n]*)/g)) {
    const start = match.index + match[0].trimEnd().length;
    const quoted = /^\s*['"]([^'"\n]+)['"]/.exec(source.slice(start));
    if (quoted) names.push(quoted[1]!);
  }
  return names;
}

export interface FunctionSize {
  readonly name: string;
  readonly line: number;
  readonly lineCount: number;
  readonly parameterCount: number;
}

/** Functions, methods and arrow functions that have a body in braces. */
export function functionsOf(source: string): FunctionSize[] {
  const code = withoutText(source);
  const found: FunctionSize[] = [];
  for (const open of bodies(code)) {
    const close = matching(code, open.brace, '{', '}');
    const parameters = code.slice(open.parenthesis + 1, open.parenthesisEnd);
    found.push({
      name: nameBefore(code, open.parenthesis, open.arrow),
      line: lineOf(code, open.parenthesis),
      lineCount: lineOf(code, close) - lineOf(code, open.parenthesis) + 1,
      parameterCount: countParameters(parameters),
    });
  }
  return found;
}

interface Body {
  readonly parenthesis: number;
  readonly parenthesisEnd: number;
  readonly brace: number;
  readonly arrow: boolean;
}

/** `( ... ) {`, `( ... ): Type {` and `( ... ) => {`, but not `if (...) {` and its kind. */
function* bodies(code: string): Generator<Body> {
  for (
    let parenthesis = code.indexOf('(');
    parenthesis !== -1;
    parenthesis = code.indexOf('(', parenthesis + 1)
  ) {
    const parenthesisEnd = matching(code, parenthesis, '(', ')');
    const after = /^\s*(?::[^;=(){}]*(?:\{[^{}]*\}[^;=(){}]*)?)?(=>)?\s*\{/.exec(
      code.slice(parenthesisEnd + 1),
    );
    if (!after) continue;
    const head = code.slice(Math.max(0, parenthesis - 60), parenthesis);
    if (/\b(if|for|while|switch|catch|with)\s*(await\s*)?$/.test(head)) continue;
    const brace = parenthesisEnd + after[0].length;
    yield { parenthesis, parenthesisEnd, brace, arrow: after[1] !== undefined };
  }
}

function matching(code: string, from: number, opens: string, closes: string): number {
  let depth = 0;
  for (let index = from; index < code.length; index += 1) {
    if (code[index] === opens) depth += 1;
    else if (code[index] === closes) {
      depth -= 1;
      if (depth === 0) return index;
    }
  }
  return code.length - 1;
}

function nameBefore(code: string, parenthesis: number, arrow: boolean): string {
  const head = code.slice(Math.max(0, parenthesis - 300), parenthesis);
  const named = /([#\w$]+)\s*(?:<[^()]*>)?\s*(?::[^=;]*)?(?:=\s*(?:async\s*)?(?:<[^()]*>)?)?\s*$/.exec(
    head,
  )?.[1];
  const callOf = /(?:^|[^\w$.])([\w$]+)\s*\((?:[^()]|\([^()]*\))*,\s*(?:async\s*)?$/.exec(head)?.[1];
  if (arrow && callOf) return `${callOf} callback`;
  return named && named !== 'async' && named !== 'function' ? named : 'function';
}

function lineOf(code: string, index: number): number {
  return code.slice(0, index).split('\n').length;
}

/** Commas at the top level of a parameter list, a trailing one not counted; `<A, B>` is not looked into. */
function countParameters(parameters: string): number {
  const flat = parameters.trim().replace(/,$/, '');
  if (flat === '') return 0;
  let depth = 0;
  let count = 1;
  for (let index = 0; index < flat.length; index += 1) {
    const character = flat[index]!;
    if ('([{<'.includes(character)) depth += 1;
    else if (')]}'.includes(character) || (character === '>' && flat[index - 1] !== '=')) depth -= 1;
    else if (character === ',' && depth === 0) count += 1;
  }
  return count;
}
