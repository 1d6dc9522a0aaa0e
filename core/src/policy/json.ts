/**
 * JSON in which no name stands twice: a parser that keeps the last of two would silently drop half of what a
 * policy says, such as one of two "StringEquals" blocks.
 */
import { ConfigError } from '../config.ts';

/** @throws ConfigError */
export function parseStrictJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ConfigError(`not JSON: ${(error as Error).message}`, { cause: error });
  }
  const twice = nameThatStandsTwice(text);
  if (twice !== undefined) throw new ConfigError(`"${twice}" stands twice in one object`);
  return value;
}

/** @param text valid JSON */
function nameThatStandsTwice(text: string): string | undefined {
  /** One entry per open bracket; undefined for a list. */
  const open: (Set<string> | undefined)[] = [];
  for (const [token, string] of text.matchAll(/("(?:[^"\\]|\\.)*")(?=\s*:)|"(?:[^"\\]|\\.)*"|[{}[\]]/gs)) {
    if (token === '{') open.push(new Set());
    else if (token === '[') open.push(undefined);
    else if (token === '}' || token === ']') open.pop();
    else if (string !== undefined) {
      const names = open.at(-1);
      const name = JSON.parse(string) as string;
      if (names?.has(name)) return name;
      names?.add(name);
    }
  }
  return undefined;
}
