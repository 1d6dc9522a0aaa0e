/**
 * The XML documents that clients send, and the rules that a UFS tells in one; the only user of xml2js. Sizes
 * are the caller's to bound.
 * Everything that is not the document it should be is `S3Error MalformedXML`; DTDs, and so entities of their
 * own, are refused.
 */
import { Parser, processors } from 'xml2js';
import type { CorsRule } from './cors/cors-rules.ts';
import { S3Error } from './errors.ts';

export interface DeleteEntry {
  /** Exactly as sent, with its white space. */
  readonly key: string;
  readonly versionId?: string | undefined;
  readonly etag?: string | undefined;
}

export interface DeleteDocument {
  readonly quiet: boolean;
  readonly objects: readonly DeleteEntry[];
}

export interface CompletedPart {
  readonly partNumber: number;
  /** As sent: quoted or bare. */
  readonly etag: string;
  /** `['ChecksumCRC32', value]`, ... */
  readonly checksums: readonly (readonly [element: string, value: string])[];
}

const deleteEntriesMax = 1000;
const partNumberMax = 10_000;
/** Conditions that only directory buckets know: to ignore one would delete what the client meant to keep. */
const unknownConditions = ['LastModifiedTime', 'Size'];

/** DeleteObjects (S3-WIRE 91). @throws S3Error MalformedXML, NotImplemented */
export function parseDeleteObjects(bytes: Uint8Array): DeleteDocument {
  const document = parseRoot(bytes, 'Delete');
  const objects = document.children('Object').map(deleteEntryOf);
  if (objects.length === 0 || objects.length > deleteEntriesMax) throw new S3Error('MalformedXML');
  const quiet = document.text('Quiet')?.trim();
  if (quiet !== undefined && quiet !== 'true' && quiet !== 'false') throw new S3Error('MalformedXML');
  return { quiet: quiet === 'true', objects };
}

function deleteEntryOf(object: XmlElement): DeleteEntry {
  for (const name of unknownConditions) {
    if (object.text(name) !== undefined) throw new S3Error('NotImplemented', { fields: { Header: name } });
  }
  const versionId = object.text('VersionId');
  const etag = object.text('ETag');
  // An empty version would fall back to the newest one, which the client did not name.
  if (versionId === '') throw new S3Error('MalformedXML');
  return {
    key: object.requiredText('Key'),
    ...(versionId !== undefined && { versionId }),
    ...(etag !== undefined && { etag }),
  };
}

/**
 * CompleteMultipartUpload (S3-WIRE 99), parts in the order of the document.
 * @throws S3Error MalformedXML, InvalidArgument for a part number outside of 1..10000
 */
export function parseCompleteMultipartUpload(bytes: Uint8Array): {
  readonly parts: readonly CompletedPart[];
} {
  const parts = parseRoot(bytes, 'CompleteMultipartUpload').children('Part').map(completedPartOf);
  if (parts.length === 0 || parts.length > partNumberMax) throw new S3Error('MalformedXML');
  return { parts };
}

function completedPartOf(part: XmlElement): CompletedPart {
  return {
    partNumber: partNumberOf(part.requiredText('PartNumber').trim()),
    etag: part.requiredText('ETag').trim(),
    checksums: part.names
      .filter((name) => /^Checksum[A-Z0-9]+$/.test(name))
      .map((name) => [name, part.requiredText(name).trim()] as const),
  };
}

function partNumberOf(text: string): number {
  if (!/^[+-]?\d{1,9}$/.test(text)) throw new S3Error('MalformedXML');
  const partNumber = Number(text);
  if (partNumber >= 1 && partNumber <= partNumberMax) return partNumber;
  throw new S3Error('InvalidArgument', {
    message: `Part number must be an integer between 1 and ${partNumberMax}, inclusive`,
    fields: { ArgumentName: 'partNumber', ArgumentValue: text },
  });
}

/** Tags of an object, in the order of the document. @throws S3Error MalformedXML */
export function parseTagging(bytes: Uint8Array): readonly { readonly key: string; readonly value: string }[] {
  const [set, second] = parseRoot(bytes, 'Tagging').children('TagSet');
  if (!set || second) throw new S3Error('MalformedXML');
  return set.children('Tag').map((tag) => ({
    key: tag.requiredText('Key'),
    value: tag.text('Value') ?? '',
  }));
}

/** CreateBucket. @throws S3Error MalformedXML */
export function parseCreateBucketConfiguration(bytes: Uint8Array): {
  readonly location?: string | undefined;
} {
  const location = parseRoot(bytes, 'CreateBucketConfiguration').text('LocationConstraint')?.trim();
  return location === undefined || location === '' ? {} : { location };
}

/** What of a restore's options is set (RestoreObject). @throws S3Error MalformedXML */
export function parseRestoreRequest(bytes: Uint8Array): readonly string[] {
  return parseRoot(bytes, 'RestoreRequest').names;
}

/** PutBucketCors. @throws S3Error MalformedXML */
export function parseCorsConfiguration(bytes: Uint8Array): readonly CorsRule[] {
  return parseRoot(bytes, 'CORSConfiguration')
    .children('CORSRule')
    .map((rule) => ({
      origins: rule.texts('AllowedOrigin'),
      methods: rule.texts('AllowedMethod'),
      headers: rule.texts('AllowedHeader'),
      // Into headers of answers, whoever wrote them: what none can hold is left out.
      exposed: rule.texts('ExposeHeader').filter((name) => /^[\w!#$%&'*+.^`|~-]+$/.test(name)),
      maxAgeSeconds: /^\s*(\d{1,9})\s*$/.exec(rule.text('MaxAgeSeconds') ?? '')?.[1],
    }));
}

/** xml2js's tree: an element's text, or its children by name with `_` for text beside them. */
type XmlNode = string | { readonly [name: string]: readonly XmlNode[] };

class XmlElement {
  readonly #children: ReadonlyMap<string, readonly XmlNode[]>;

  /** @throws S3Error MalformedXML where text stands beside, or instead of, child elements */
  constructor(node: XmlNode) {
    if (typeof node === 'string' && node.trim() !== '') throw new S3Error('MalformedXML');
    this.#children = new Map(typeof node === 'string' ? [] : Object.entries(node));
    if (this.#children.has('_')) throw new S3Error('MalformedXML');
  }

  get names(): readonly string[] {
    return [...this.#children.keys()];
  }

  children(name: string): readonly XmlElement[] {
    return (this.#children.get(name) ?? []).map((node) => new XmlElement(node));
  }

  /** Of an element that may occur often. @throws S3Error MalformedXML where one has children */
  texts(name: string): readonly string[] {
    return (this.#children.get(name) ?? []).map((node) => {
      if (typeof node !== 'string') throw new S3Error('MalformedXML');
      return node.trim();
    });
  }

  /** @throws S3Error MalformedXML where the element occurs twice or has children */
  text(name: string): string | undefined {
    const [node, second] = this.#children.get(name) ?? [];
    if (node === undefined) return undefined;
    if (second !== undefined || typeof node !== 'string') throw new S3Error('MalformedXML');
    return node;
  }

  /** @throws S3Error MalformedXML where there is none or it is empty */
  requiredText(name: string): string {
    const text = this.text(name);
    if (!text) throw new S3Error('MalformedXML');
    return text;
  }
}

function parseRoot(bytes: Uint8Array, name: string): XmlElement {
  const document = new XmlElement(parse(bytes));
  const [root, second] = document.children(name);
  if (!root || second || document.names.length !== 1) throw new S3Error('MalformedXML');
  return root;
}

/**
 * The document inside an element of our own: xml2js stops at the end of the root, and what follows it would
 * go unnoticed; a DTD in there is an error of syntax.
 */
function parse(bytes: Uint8Array): XmlNode {
  const wrapper = 'document';
  let result: { readonly [wrapper]?: XmlNode } | undefined;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const content = text.replace(/^<\?xml\s[^>]*\?>/, '').replace(/\r\n?/g, '\n');
    const parser = new Parser({
      strict: true,
      ignoreAttrs: true,
      tagNameProcessors: [processors.stripPrefix],
    });
    parser.parseString(`<${wrapper}>${content}</${wrapper}>`, (error: unknown, value: typeof result) => {
      if (error) throw error;
      result = value;
    });
  } catch (cause) {
    throw new S3Error('MalformedXML', { cause });
  }
  if (result?.[wrapper] === undefined) throw new S3Error('MalformedXML');
  return result[wrapper];
}
