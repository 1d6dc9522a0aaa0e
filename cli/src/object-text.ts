/** What is cached of one object and why, in words for a person. */
import { formatDuration, formatSize } from '@forebay/core/bytes';
import type { ObjectView } from '@forebay/registry/admin/objects';
import { homeText, placementRows } from './placement-text.ts';

type Row = readonly [title: string, text: string | undefined];

/** What is cached of it. */
export function objectRows(object: ObjectView): Row[] {
  const { pages, sizeBytes } = object;
  return [
    ['Object', `s3://${object.bucket}/${object.key}`],
    ['State', stateText(object)],
    ['Size', sizeBytes === undefined ? undefined : `${formatSize(sizeBytes)} (${sizeBytes} bytes)`],
    ['ETag', object.etag],
    ['Version', object.versionId],
    ['Last modified', object.lastModified],
    ['Content type', object.contentType],
    ['Pages', `${pages.cached} of ${pages.total} cached, ${formatSize(pages.cachedBytes)}`],
    ...pages.places.map(placeRow),
    ['Page size', formatSize(object.pageSizeBytes)],
    ['Info', infoText(object)],
    ['Mount', object.mount],
    ['Home', homeText(object)],
    ...placementRows(object.placement),
    ['Writes', writesText(object)],
  ];
}

/** Why it is so, and what the read that was asked about would do now. */
export function explainRows(object: ObjectView): Row[] {
  const { forecast, policy } = object;
  const { hit, total } = forecast.pages;
  const pages = total > 0 ? `, ${hit} of ${total} pages from the cache` : '';
  return [
    ['Freshness', freshnessText(object)],
    ['Policy', policy.rule],
    ['', policyText(policy)],
    ['Quota', quotaText(policy)],
    ['A read now', `${forecast.certain ? '' : 'probably '}${forecast.cache}${pages}`],
    ...forecast.reasons.map((reason): Row => ['', reason]),
    ...requestRows(forecast.ufsRequests),
  ];
}

export function present(rows: readonly Row[]): (readonly [string, string])[] {
  return rows.filter((row): row is readonly [string, string] => row[1] !== undefined);
}

function stateText({ state, fresh }: ObjectView): string {
  if (state === 'absent') return fresh ? 'known to be absent' : 'was absent when last asked for';
  if (state === 'unknown') return 'nothing cached';
  return fresh ? 'info cached and fresh' : 'info cached, confirmed with the UFS at the next read';
}

function placeRow({ node, tier, directory, pages, bytes }: ObjectView['pages']['places'][number]): Row {
  const how = { memory: 'in memory', packed: 'packed in', file: 'in files of' }[tier];
  const where = `${how}${directory === undefined ? '' : ` ${directory}`}`;
  return ['', `${pages} ${where}${node === undefined ? '' : ` on ${node}`}, ${formatSize(bytes)}`];
}

function infoText({ infoLevel, ageMs, tenure }: ObjectView): string | undefined {
  if (infoLevel === 'none') return undefined;
  const age = ageMs === undefined ? '' : `, confirmed ${formatDuration(ageMs)} ago`;
  return `in ${infoLevel} store${age}${tenure === 'earlier' ? ', before a restart' : ''}`;
}

function writesText({ fencesOpen, unsettled }: ObjectView): string | undefined {
  if (unsettled) return 'the outcome of a write is unknown; every read asks the UFS';
  return fencesOpen > 0 ? `${fencesOpen} under way; every read asks the UFS` : undefined;
}

function freshnessText({ freshness, state, tenure }: ObjectView): string {
  const { mode, ttlMs, ttlLeftMs } = freshness;
  if (mode === 'always') return 'always: every read asks the UFS';
  if (mode === 'immutable' && state !== 'absent') return 'immutable: what is known is never asked for again';
  const ttl = `info is used for ${formatDuration(ttlMs)} without asking`;
  if (tenure === 'earlier') return `${ttl}; this one is from before a restart, so it is confirmed first`;
  if (ttlLeftMs === undefined) return ttl;
  return ttlLeftMs > 0 ? `${ttl}, for another ${formatDuration(ttlLeftMs)}` : `${ttl}; that time is over`;
}

function policyText(policy: ObjectView['policy']): string {
  const { priority, pinned, minUses, cacheTtlMs, maxObjectSizeBytes } = policy;
  return [
    pinned ? 'pinned: never evicted' : `priority ${priority}`,
    minUses === 1 ? 'stored at the first request' : `stored at request ${minUses} for a page`,
    ...(cacheTtlMs === undefined ? [] : [`dropped ${formatDuration(cacheTtlMs)} after the fill`]),
    ...(maxObjectSizeBytes === undefined ? [] : [`objects up to ${formatSize(maxObjectSizeBytes)}`]),
  ].join(', ');
}

function quotaText({ scope, quotaBytes, scopeBytes }: ObjectView['policy']): string {
  const used = scopeBytes === undefined ? '' : `${formatSize(scopeBytes)} `;
  if (quotaBytes === undefined) return `${used === '' ? '' : `${used}kept, `}unlimited (${scope})`;
  return `${used === '' ? '' : `${used}of `}${formatSize(quotaBytes)} (${scope})`;
}

function requestRows(requests: ObjectView['forecast']['ufsRequests']): Row[] {
  if (requests.length === 0) return [['UFS', 'is not asked']];
  const bytes = requests.reduce((sum, { range }) => sum + (range ? range.endExclusive - range.start : 0), 0);
  const count = requests.length === 1 ? '1 request' : `${requests.length} requests`;
  const isKnown = requests.every(({ method, range }) => method === 'HEAD' || range);
  const shown = requests.slice(0, requestsShownMax).map(({ method, range }): Row => {
    return ['', range ? `${method} bytes ${range.start}-${range.endExclusive - 1}` : method];
  });
  const more: Row[] =
    requests.length > requestsShownMax ? [['', `and ${requests.length - requestsShownMax} more`]] : [];
  return [
    ['UFS', `${count}, ${isKnown ? formatSize(bytes) : 'as many bytes as there are'}`],
    ...shown,
    ...more,
  ];
}

const requestsShownMax = 8;
