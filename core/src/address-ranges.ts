/** Ranges of IP addresses: the proxies that are trusted, and those of conditions on aws:SourceIp. */
import { BlockList, isIP } from 'node:net';
import { ConfigError } from './config.ts';

export class AddressRanges {
  readonly #ranges = new BlockList();
  readonly isEmpty: boolean;

  /** @param cidrs addresses or CIDRs, IPv4 or IPv6. @throws ConfigError naming the one that is neither */
  constructor(cidrs: readonly string[]) {
    this.isEmpty = cidrs.length === 0;
    for (const cidr of cidrs) {
      const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(cidr) ?? [];
      const version = isIP(address);
      const bitsMax = version === 4 ? 32 : 128;
      const prefixBits = bits === undefined ? bitsMax : Number(bits);
      if (version === 0 || prefixBits > bitsMax) {
        throw new ConfigError(`"${cidr}" is neither an IP address nor a CIDR such as 10.0.0.0/8`);
      }
      this.#ranges.addSubnet(address, prefixBits, version === 4 ? 'ipv4' : 'ipv6');
    }
  }

  /** False for text that is no address. An IPv4 address in IPv6 clothes is an IPv4 address. */
  has(address: string): boolean {
    const version = isIP(address);
    return version !== 0 && this.#ranges.check(address, version === 4 ? 'ipv4' : 'ipv6');
  }
}
