/** The heads of a multipart body: its boundary, and the names of its parts (RFC 2046, 7578; WHATWG HTML). */
import { S3Error } from '../errors.ts';

export interface PartName {
  readonly name: string;
  readonly fileName: string | undefined;
}

const boundaryShape = /^[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]$/;

/** Undefined where the type is not `multipart/form-data`. @throws S3Error MalformedPOSTRequest */
export function boundaryOf(contentType: string | undefined): string | undefined {
  const match = /^\s*multipart\/form-data\s*(;.*)?$/is.exec(contentType ?? '');
  if (!match) return undefined;
  const boundary = parameterOf(match[1] ?? '', 'boundary');
  if (boundary === undefined || !boundaryShape.test(boundary)) throw new S3Error('MalformedPOSTRequest');
  return boundary;
}

/** @param head the part's header lines, without the empty one. @throws S3Error MalformedPOSTRequest */
export function parsePartHead(head: string): PartName {
  const line = head.split('\r\n').find((candidate) => /^content-disposition:/i.test(candidate));
  const [, parameters] = /^content-disposition:\s*form-data\s*(;.*)$/is.exec(line ?? '') ?? [];
  const name = parameters === undefined ? undefined : parameterOf(parameters, 'name');
  if (!name) throw new S3Error('MalformedPOSTRequest');
  return { name: unescaped(name), fileName: fileNameOf(parameters!) };
}

/** Without the path that some clients put before it (AWS "HTML form fields"). */
function fileNameOf(parameters: string): string | undefined {
  const name = parameterOf(parameters, 'filename');
  return name === undefined ? undefined : unescaped(name).replace(/^.*[/\\]/s, '');
}

/** Quoted or bare. Old clients send Windows paths as they are, so only a quote can be escaped. */
function parameterOf(parameters: string, wanted: string): string | undefined {
  for (const [, name, quoted, bare] of parameters.matchAll(
    /;\s*([\w*-]+)\s*=\s*(?:"((?:\\"|[^"])*)"|([^";\s]*))/g,
  )) {
    if (name!.toLowerCase() === wanted) return quoted?.replaceAll('\\"', '"') ?? bare;
  }
  return undefined;
}

/** Browsers and curl escape these three, and nothing else (WHATWG HTML, multipart/form-data encoding). */
function unescaped(name: string): string {
  return name.replaceAll('%22', '"').replaceAll('%0D', '\r').replaceAll('%0A', '\n');
}
