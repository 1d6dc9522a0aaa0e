/** The policy of an upload form: until when, and which fields with which values (AWS "POST policy"). */
import { S3Error } from '../errors.ts';
import type { FormFields } from './form-fields.ts';

type Condition =
  | { readonly kind: 'eq' | 'starts-with'; readonly field: string; readonly value: string; shown: string }
  | { readonly kind: 'size'; readonly minBytes: number; readonly maxBytes: number };

export interface SizeRange {
  readonly minBytes: number;
  readonly maxBytes: number;
}

export interface PostPolicy {
  readonly expiresMs: number;
  readonly conditions: readonly Condition[];
}

/** @param base64 the form's `policy`. @throws S3Error InvalidPolicyDocument */
export function parsePostPolicy(base64: string): PostPolicy {
  const document = jsonOf(base64);
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw invalid('Invalid JSON.');
  }
  const { expiration, conditions } = document as { expiration?: unknown; conditions?: unknown };
  if (expiration === undefined) throw invalid('Policy missing expiration.');
  if (conditions === undefined) throw invalid('Policy missing conditions.');
  if (!Array.isArray(conditions)) throw invalid("Invalid 'conditions' value: must be a List.");
  return { expiresMs: expirationOf(expiration), conditions: conditions.flatMap(conditionsOf) };
}

/** `\$` and `\v` are escapes here, which JSON does not know. */
function jsonOf(base64: string): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(base64, 'base64'));
    return JSON.parse(
      text.replace(/\\[\s\S]/g, (pair) => (pair === '\\$' ? '$' : pair === '\\v' ? '\\u000b' : pair)),
    );
  } catch (cause) {
    throw invalid('Invalid JSON.', cause);
  }
}

function expirationOf(value: unknown): number {
  const isTime = typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(value);
  const ms = isTime ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(ms)) throw invalid(`Invalid 'expiration' value: '${textOf(value)}'`);
  return ms;
}

function conditionsOf(value: unknown): Condition[] {
  if (Array.isArray(value)) return [listCondition(value)];
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  if (entries.length === 0) throw invalid(`Invalid Simple-Condition: ${shownOf(value)}`);
  return entries.map(([field, wanted]) => matching('eq', `$${field}`, wanted));
}

function listCondition(list: readonly unknown[]): Condition {
  const kind = textOf(list[0]).toLowerCase();
  if (list.length !== 3) throw invalid(`Invalid Condition: wrong number of arguments: ${shownOf(list)}`);
  if (kind === 'content-length-range') return sizeCondition(list);
  if (kind === 'eq' || kind === 'starts-with') return matching(kind, list[1], list[2]);
  throw invalid(`Invalid Condition: unknown operation '${kind}'.`);
}

function sizeCondition([, least, most]: readonly unknown[]): Condition {
  const [minBytes, maxBytes] = [least, most].map((bound) =>
    /^\d{1,15}$/.test(textOf(bound)) ? Number(bound) : Number.NaN,
  ) as [number, number];
  if (minBytes <= maxBytes) return { kind: 'size', minBytes, maxBytes };
  throw invalid(`Invalid content-length-range: ${shownOf([least, most])}`);
}

function matching(kind: 'eq' | 'starts-with', field: unknown, value: unknown): Condition {
  const isText = typeof value === 'string' || typeof value === 'number';
  if (typeof field !== 'string' || !/^\$./s.test(field) || !isText) {
    throw invalid(`Invalid Simple-Condition: ${shownOf([kind, field, value])}`);
  }
  const shown = shownOf([kind, field, value]);
  return { kind, field: field.slice(1).toLowerCase(), value: textOf(value), shown };
}

/** Not `String`, which calls what an object of the client's has for `toString`. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

function shownOf(value: unknown): string {
  return textOf(value).replaceAll('","', '", "');
}

/**
 * Whether the form is what its signer allowed.
 * @returns sizes that the file may have. @throws S3Error AccessDenied, with what S3 says of it
 */
export function checkPostPolicy(
  policy: PostPolicy,
  form: { readonly fields: FormFields; readonly bucket: string; readonly nowMs: number },
): SizeRange {
  if (form.nowMs >= policy.expiresMs) throw denied('Policy expired.');
  const allowed = new Set<string>();
  let size: SizeRange = { minBytes: 0, maxBytes: Number.MAX_SAFE_INTEGER };
  for (const condition of policy.conditions) {
    if (condition.kind === 'size') {
      const { minBytes, maxBytes } = condition;
      size = { minBytes: Math.max(size.minBytes, minBytes), maxBytes: Math.min(size.maxBytes, maxBytes) };
      continue;
    }
    const value = condition.field === 'bucket' ? form.bucket : form.fields.get(condition.field);
    if (value === undefined || !holds(condition, value)) {
      throw denied(`Policy Condition failed: ${condition.shown}`);
    }
    allowed.add(condition.field);
  }
  const extra = [...new Set(['bucket', ...form.fields.judged])].filter((name) => !allowed.has(name));
  if (extra.length > 0) throw denied(`Extra input fields: ${extra.join(', ')}`);
  return size;
}

function holds(condition: { kind: string; field: string; value: string }, actual: string): boolean {
  if (condition.kind === 'eq') return actual === condition.value;
  // Each one of a list of types has to fit.
  const values = condition.field === 'content-type' ? actual.split(',').map((type) => type.trim()) : [actual];
  return values.every((value) => value.startsWith(condition.value));
}

function invalid(what: string, cause?: unknown): S3Error {
  return new S3Error('InvalidPolicyDocument', { message: `Invalid Policy: ${what}`, cause });
}

function denied(what: string): S3Error {
  return new S3Error('AccessDenied', { message: `Invalid according to Policy: ${what}` });
}
