/**
 * The XML documents of a local store's sub-resources: written from plain values, read strictly and within
 * bounds (S3-WIRE 122, 123).
 */
import { malformedXml } from './answers.ts';

/** Undefined: the element is left out; a list is the element repeated. */
export type DocumentValue =
  | string
  | number
  | boolean
  | undefined
  | DocumentElements
  | readonly DocumentValue[];

export interface DocumentElements {
  readonly [name: string]: DocumentValue;
}

const s3Namespace = 'http://s3.amazonaws.com/doc/2006-03-01/';

export function documentOf(root: string, elements: DocumentElements): Uint8Array {
  const content = contentOf(elements);
  const text = `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="${s3Namespace}">${content}</${root}>`;
  return Buffer.from(text);
}

function contentOf(elements: DocumentElements): string {
  return Object.entries(elements)
    .map(([name, value]) => elementOf(name, value))
    .join('');
}

function elementOf(name: string, value: DocumentValue): string {
  if (value === undefined) return '';
  if (isList(value)) return value.map((item) => elementOf(name, item)).join('');
  const content = typeof value === 'object' ? contentOf(value) : escaped(String(value));
  return `<${name}>${content}</${name}>`;
}

function isList(value: DocumentValue): value is readonly DocumentValue[] {
  return Array.isArray(value);
}

const references: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"\p{Cc}]/gu, (char) => references[char] ?? `&#${char.charCodeAt(0)};`);
}

export interface Tag {
  readonly key: string;
  readonly value: string;
}

/** Ten tags of the greatest length, every character escaped, are well below. */
const taggingBytesMax = 64 * 1024;
const opening = /^\uFEFF?(?:<\?xml[^>]*\?>)?\s*<Tagging(?:\s[^<>]*)?(?:\/>|>)\s*/;
const tagSet = /^<TagSet(?:\s[^<>]*)?(?:\/>|>(.*)<\/TagSet\s*>)\s*<\/Tagging\s*>\s*$/s;
const tag = /\s*<Tag(?:\s[^<>]*)?>(.*?)<\/Tag\s*>\s*/sy;
const field = /\s*<(Key|Value)(?:\s[^<>]*)?(?:\/>|>([^<]*)<\/\1\s*>)\s*/y;

/** `<Tagging><TagSet><Tag><Key/><Value/></Tag>...`. @throws UfsAnswerError MalformedXML */
export function parseTagging(body: Uint8Array): Tag[] {
  if (body.byteLength > taggingBytesMax) throw malformedXml();
  const text = Buffer.from(body).toString('utf8');
  const start = opening.exec(text);
  const set = start && tagSet.exec(text.slice(start[0].length));
  if (!set) throw malformedXml();
  return matchAll(tag, set[1] ?? '').map(([, content = '']) => tagOf(content));
}

function tagOf(content: string): Tag {
  const fields = matchAll(field, content).map(([, name, value = '']) => [name!, unescaped(value)] as const);
  const values = new Map(fields);
  const [key, value] = [values.get('Key'), values.get('Value')];
  if (fields.length !== 2 || key === undefined || value === undefined) throw malformedXml();
  return { key, value };
}

/** All of the text, in matches that follow each other without a gap. @throws UfsAnswerError MalformedXML */
function matchAll(pattern: RegExp, text: string): RegExpExecArray[] {
  const matches: RegExpExecArray[] = [];
  for (let position = 0; position < text.length; ) {
    pattern.lastIndex = position;
    const match = pattern.exec(text);
    if (!match) {
      if (text.slice(position).trim() === '') break;
      throw malformedXml();
    }
    matches.push(match);
    position = pattern.lastIndex;
  }
  return matches;
}

const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function unescaped(text: string): string {
  return text.replace(/&(?:#x([\da-f]{1,6})|#(\d{1,7})|(\w{2,4}));/gi, (whole, hex, decimal, name) => {
    if (name !== undefined) return named[name] ?? whole;
    const point = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
}
