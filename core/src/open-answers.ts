/** The two answers of an open, from what was found. */
import type { AbsentObject, OpenedObject } from './cache-node.ts';

type Found = Omit<OpenedObject, 'kind' | 'pages' | 'body'> & Partial<Pick<OpenedObject, 'pages' | 'body'>>;

export function openedOf({ pages, body, ...found }: Found): OpenedObject {
  const { hit, total } = pages ?? { hit: 0, total: 0 };
  return { kind: 'object', ...found, pages: { hit, total }, body };
}

export function absentOf(absent: Omit<AbsentObject, 'kind'>): AbsentObject {
  return { kind: 'absent', ...absent };
}
