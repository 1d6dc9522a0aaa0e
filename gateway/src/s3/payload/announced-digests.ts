/** What the head of a request says about its body's digests, checked before a byte of the body is read. */
import { S3Error } from '../errors.ts';
import type { RequestHeaders } from '../types.ts';
import { type ChecksumAlgorithm, isBase64Of, isChecksumAlgorithm, isChecksumValue } from './checksums.ts';

const prefix = 'x-amz-checksum-';
/** Headers with the prefix that are not the checksum of a body. */
const notValues = new Set(['mode', 'algorithm', 'type']);

export interface AnnouncedDigests {
  /** Canonical base64. */
  readonly md5: string | undefined;
  readonly checksum: { readonly algorithm: ChecksumAlgorithm; readonly base64: string } | undefined;
  /** The trailer that x-amz-trailer promises. */
  readonly trailer: AnnouncedTrailer | undefined;
}

export interface AnnouncedTrailer {
  /** `x-amz-checksum-...`, lower-case. */
  readonly name: string;
  readonly algorithm: ChecksumAlgorithm;
}

/** (S3-WIRE 59, 61, 63-66) @throws S3Error InvalidDigest, InvalidRequest, MalformedTrailerError */
export function announcedDigests(
  headers: RequestHeaders,
  options: { readonly trailerAllowed: boolean; readonly checksumsDescribe: 'body' | 'object' },
): AnnouncedDigests {
  const md5 = contentMd5Of(headers);
  const trailer = trailerOf(headers, options.trailerAllowed);
  if (options.checksumsDescribe === 'object') return { md5, checksum: undefined, trailer };
  const checksum = checksumOf(headers, trailer);
  checkSdkAlgorithm(headers, checksum?.algorithm ?? trailer?.algorithm);
  return { md5, checksum, trailer };
}

/** (S3-WIRE 61) @throws S3Error InvalidDigest */
export function contentMd5Of(headers: RequestHeaders): string | undefined {
  const md5 = headers.get('content-md5')?.trim();
  if (md5 === undefined || isBase64Of(16, md5)) return md5;
  throw new S3Error('InvalidDigest', { fields: { 'Content-MD5': md5 } });
}

function trailerOf(headers: RequestHeaders, allowed: boolean): AnnouncedTrailer | undefined {
  const text = headers.get('x-amz-trailer');
  if (text === undefined) return undefined;
  if (!allowed) throw new S3Error('MalformedTrailerError');
  const trailers = text.split(',').map((name) => {
    const algorithm = algorithmOf(name.trim().toLowerCase());
    if (algorithm) return { name: `${prefix}${algorithm}`, algorithm };
    throw invalidRequest('The value specified in the x-amz-trailer header is not supported');
  });
  if (trailers.length > 1) throw severalChecksums();
  return trailers[0];
}

function checksumOf(headers: RequestHeaders, trailer: AnnouncedTrailer | undefined) {
  const given = headers.withPrefix(prefix).filter(([name]) => !notValues.has(name.slice(prefix.length)));
  if (given.length + (trailer ? 1 : 0) > 1) throw severalChecksums();
  const [header] = given;
  if (!header) return undefined;
  const [name, value] = header;
  const algorithm = algorithmOf(name);
  if (!algorithm) {
    throw invalidRequest('The algorithm type you specified in x-amz-checksum- header is invalid.');
  }
  const base64 = value.trim();
  if (!isChecksumValue(algorithm, base64)) throw invalidRequest(`Value for ${name} header is invalid.`);
  return { algorithm, base64 };
}

function checkSdkAlgorithm(headers: RequestHeaders, algorithm: ChecksumAlgorithm | undefined): void {
  const named = headers.get('x-amz-sdk-checksum-algorithm');
  if (named === undefined || named.trim().toLowerCase() === algorithm) return;
  throw invalidRequest(
    algorithm
      ? 'Value for x-amz-sdk-checksum-algorithm header is invalid.'
      : 'x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or ' +
          'x-amz-trailer headers were found.',
  );
}

function algorithmOf(name: string): ChecksumAlgorithm | undefined {
  if (!name.startsWith(prefix)) return undefined;
  const algorithm = name.slice(prefix.length);
  return isChecksumAlgorithm(algorithm) ? algorithm : undefined;
}

function severalChecksums(): S3Error {
  return invalidRequest(
    'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
  );
}

function invalidRequest(message: string): S3Error {
  return new S3Error('InvalidRequest', { message });
}
