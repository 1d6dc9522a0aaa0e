/**
 * The host that the client signed. Behind a proxy that rewrites Host it is in X-Forwarded-*, which is
 * believed only where the peer is a proxy the operator trusts: anyone else could point a signed request at
 * another bucket's name.
 */
import type { AddressRanges } from '@forebay/core/address-ranges';
import type { RequestHeaders } from '../types.ts';
import { plainAddress } from './client-origin.ts';

export interface ForwardedRequest {
  readonly headers: Pick<RequestHeaders, 'get'>;
  /** Of the socket's other end; undefined once it is closed. */
  readonly peerAddress: string | undefined;
  readonly trustedProxies: AddressRanges;
}

/** Host as the client sent it, with the port where it sent one. */
export function clientHost({ headers, peerAddress, trustedProxies }: ForwardedRequest): string {
  const host = headers.get('host') ?? '';
  if (trustedProxies.isEmpty) return host;
  const peer = plainAddress(peerAddress ?? '');
  if (peer === undefined || !trustedProxies.has(peer)) return host;
  const forwarded = firstOf(headers.get('x-forwarded-host')) ?? host;
  const port = firstOf(headers.get('x-forwarded-port'));
  if (port === undefined || !/^\d{1,5}$/.test(port) || /:\d+$/.test(forwarded)) return forwarded;
  return isDefaultPort(port, firstOf(headers.get('x-forwarded-proto'))) ? forwarded : `${forwarded}:${port}`;
}

/** The one nearest to the client. */
function firstOf(list: string | undefined): string | undefined {
  return list?.split(',', 1)[0]?.trim() || undefined;
}

/** Clients leave a scheme's own port out of Host, and so out of what they sign. */
function isDefaultPort(port: string, scheme: string | undefined): boolean {
  if (scheme === undefined) return port === '80' || port === '443';
  return port === (scheme.toLowerCase() === 'https' ? '443' : '80');
}
