/**
 * A line of the access log in the format of S3's server access logs: all fields in S3's order, `-` for what
 * is not known or does not apply (Amazon S3 User Guide, "Amazon S3 server access log format").
 */
import { uriEncodePath } from '@forebay/core/sigv4';
import type { Exchange } from '../exchange.ts';
import type { Ended, Unread } from './access-log.ts';
import { s3OperationOf } from './s3-operation.ts';

const none = '-';
/** Access point, ACL and region: there is nothing like it here. TLS: Forebay speaks plain HTTP. */
const notHere = { cipher: none, tls: none, accessPoint: none, aclRequired: none, region: none };

interface UnreadLine extends Unread {
  readonly hostId: string;
  readonly endedAtMs: number;
}

export function s3Line(line: Ended | UnreadLine): string {
  return 'exchange' in line ? lineOf(line) : unreadLine(line);
}

function lineOf({ exchange, status, durationMs, endedAtMs, client, hostId }: Ended): string {
  const { head, headers, principal, bucket, key, sent } = exchange;
  const { signature, type } = signedBy(exchange);
  const waitMs = (exchange.answeredMs ?? exchange.startedMs + durationMs) - exchange.startedMs;
  return joined([
    // The stores behind own the buckets, and do not say who that is.
    none,
    bucket ?? none,
    timeText(endedAtMs - durationMs),
    client ?? none,
    principal?.kind === 'user' ? encodeURIComponent(principal.name) : none,
    exchange.id,
    s3OperationOf(exchange),
    key === undefined ? none : uriEncodePath(key),
    quoted(`${head.method} ${withoutSecrets(head.target)} HTTP/${head.isHttp11 ? '1.1' : '1.0'}`),
    status === undefined ? none : String(status),
    exchange.errorCode ?? none,
    countText(sent?.bodyBytes),
    objectSizeOf(exchange),
    String(Math.round(durationMs)),
    status === undefined ? none : String(Math.round(waitMs)),
    quoted(headers.get('referer') ?? none),
    quoted(headers.get('user-agent') ?? none),
    versionIdOf(exchange),
    hostId,
    signature,
    notHere.cipher,
    type,
    word(headers.get('host')),
    notHere.tls,
    notHere.accessPoint,
    notHere.aclRequired,
    notHere.region,
  ]);
}

function unreadLine({ id, status, code, client, hostId, endedAtMs }: UnreadLine): string {
  const before = [none, none, timeText(endedAtMs), client ?? none, none, id, none, none, quoted(none)];
  const answer = [status === undefined ? none : String(status), code, none, none, '0', none];
  const after = [quoted(none), quoted(none), none, hostId, none, none, none, none, none, none, none, none];
  return joined([...before, ...answer, ...after]);
}

function joined(fields: readonly string[]): string {
  return `${fields.join(' ')}\n`;
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
let timeSecond = -1;
let timeWritten = '';

/** `[06/Feb/2019:00:00:38 +0000]`; most lines have the second of the line before. */
function timeText(wallMs: number): string {
  const second = Math.floor(wallMs / 1000);
  if (second !== timeSecond) {
    const [date = '', time = ''] = new Date(second * 1000).toISOString().split('T');
    const [year, month, day] = date.split('-');
    timeSecond = second;
    timeWritten = `[${day}/${months[Number(month) - 1]}/${year}:${time.slice(0, 8)} +0000]`;
  }
  return timeWritten;
}

/** What would end the field, or the line, is written as in a URL. */
function quoted(text: string): string {
  return `"${text.replace(/[^\x20\x21\x23-\x7e]/g, percentEncoded)}"`;
}

function word(text: string | undefined): string {
  if (text === undefined || text === '') return none;
  return text.replace(/[^\x21\x23-\x7e]/g, percentEncoded);
}

function percentEncoded(character: string): string {
  return encodeURIComponent(character.isWellFormed() ? character : '\ufffd').replace('"', '%22');
}

/** A signature is a key to the object for as long as the link is good. */
function withoutSecrets(target: string): string {
  return target.replace(/([?&](?:x-amz-signature|x-amz-security-token|signature)=)[^&]*/gi, '$1REDACTED');
}

function countText(count: number | undefined): string {
  return count === undefined || count === 0 ? none : String(count);
}

function objectSizeOf({ head, headers, answerHeaders, status, key }: Exchange): string {
  if (key === undefined) return none;
  if (head.method === 'PUT' || head.method === 'POST') {
    return word(headers.get('x-amz-decoded-content-length') ?? headers.get('content-length'));
  }
  if (status !== 200 && status !== 206) return none;
  const found = (wanted: string) => answerHeaders?.find(([name]) => name === wanted)?.[1];
  return word(found('content-range')?.split('/')[1] ?? found('content-length'));
}

function versionIdOf({ answerHeaders, head }: Exchange): string {
  const answered = answerHeaders?.find(([name]) => name === 'x-amz-version-id')?.[1];
  return word(answered ?? /[?&]versionId=([^&]*)/.exec(head.target)?.[1]);
}

function signedBy({ headers, head }: Exchange): { readonly signature: string; readonly type: string } {
  const authorization = headers.get('authorization');
  if (authorization !== undefined) {
    return { signature: authorization.startsWith('AWS4-') ? 'SigV4' : 'SigV2', type: 'AuthHeader' };
  }
  if (/[?&]X-Amz-Signature=/i.test(head.target)) return { signature: 'SigV4', type: 'QueryString' };
  if (/[?&]Signature=/.test(head.target)) return { signature: 'SigV2', type: 'QueryString' };
  return { signature: none, type: none };
}
