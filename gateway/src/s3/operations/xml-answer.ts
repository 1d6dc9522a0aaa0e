/** Answers that are XML documents, from plain values: a name, a value; a list is the element repeated. */
import type { HeaderList } from '@forebay/core/object';
import type { S3Answer } from '../types.ts';
import { element, escapeXml, wrap, xmlDocument } from '../xml-writer.ts';

/** Undefined: the element is left out. */
export type XmlValue = string | number | boolean | undefined | XmlElements | readonly XmlValue[];

export interface XmlElements {
  readonly [name: string]: XmlValue;
}

/**
 * 200 with a document in S3's namespace. `content`: the root's elements in order (in several groups where
 * names come again), or its text.
 */
export function xmlAnswer(
  root: string,
  content: XmlElements | readonly XmlElements[] | string,
  headers: HeaderList = [],
): S3Answer {
  const inner = typeof content === 'string' ? escapeXml(content) : [content].flat().map(xmlOf).join('');
  return {
    status: 200,
    headers: [['content-type', 'application/xml'], ...headers.filter(([name]) => name !== 'content-type')],
    body: xmlDocument(root, inner),
  };
}

/** S3 has one owner here: whoever runs Forebay. */
export const owner = { ID: 'forebay', DisplayName: 'forebay' };

/** `2026-01-02T03:04:05.000Z` (S3-WIRE 112). */
export function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

function xmlOf(elements: XmlElements): string {
  let xml = '';
  for (const name in elements) xml += elementsOf(name, elements[name]);
  return xml;
}

function elementsOf(name: string, value: XmlValue): string {
  if (value === undefined) return '';
  if (typeof value !== 'object') return element(name, value);
  if (!isList(value)) return wrap(name, xmlOf(value));
  let xml = '';
  for (const item of value) xml += elementsOf(name, item);
  return xml;
}

function isList(value: XmlElements | readonly XmlValue[]): value is readonly XmlValue[] {
  return Array.isArray(value);
}
