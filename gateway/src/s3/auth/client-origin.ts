/**
 * Where a request comes from, for policies: the peer, or what proxies that the operator trusts say of it.
 * Looked at only when a policy asks.
 */
import { isIP } from 'node:net';
import type { AddressRanges } from '@forebay/core/address-ranges';
import type { RequestHeaders } from '../types.ts';

export interface ClientOrigin {
  /** IPv4 or IPv6; undefined once the connection is closed. */
  address(): string | undefined;
  /** Over TLS up to the proxy: Forebay itself speaks plain HTTP. */
  isSecure(): boolean;
}

export class ForwardedOrigin implements ClientOrigin {
  readonly #headers: Pick<RequestHeaders, 'get'>;
  readonly #peerAddress: string | undefined;
  readonly #trustedProxies: AddressRanges;

  constructor(
    headers: Pick<RequestHeaders, 'get'>,
    peerAddress: string | undefined,
    trustedProxies: AddressRanges,
  ) {
    this.#headers = headers;
    this.#peerAddress = peerAddress;
    this.#trustedProxies = trustedProxies;
  }

  /**
   * Each proxy adds its own peer at the end of X-Forwarded-For, so the client is the last one there that is
   * no trusted proxy: whatever stands before it is the client's own invention.
   */
  address(): string | undefined {
    let address = plainAddress(this.#peerAddress ?? '');
    if (address === undefined) return undefined;
    const hops = (this.#headers.get('x-forwarded-for') ?? '').split(',');
    while (hops.length > 0 && this.#trustedProxies.has(address)) {
      const before = plainAddress(hops.pop()!.trim());
      if (before === undefined) break;
      address = before;
    }
    return address;
  }

  isSecure(): boolean {
    const peer = plainAddress(this.#peerAddress ?? '');
    if (peer === undefined || !this.#trustedProxies.has(peer)) return false;
    return this.#headers.get('x-forwarded-proto')?.split(',', 1)[0]?.trim().toLowerCase() === 'https';
  }
}

/**
 * Without port, brackets and the zone of a link-local one, which no range has; an IPv4 address in IPv6
 * clothes is an IPv4 address.
 */
export function plainAddress(text: string): string | undefined {
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
  const address = /^::ffff:([\d.]+)$/i.exec(bare)?.[1] ?? bare.replace(/%.*$/s, '');
  return isIP(address) === 0 ? undefined : address;
}
