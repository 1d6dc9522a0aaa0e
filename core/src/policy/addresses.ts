/** Addresses and CIDRs of conditions on aws:SourceIp. */
import { BlockList, isIP } from 'node:net';
import { ConfigError } from '../config.ts';
import type { Matcher } from './pattern.ts';

/** Whether an address, IPv4 or IPv6, is in one of the ranges. @throws ConfigError */
export function compileAddresses(ranges: readonly string[]): Matcher {
  const list = new BlockList();
  for (const range of ranges) {
    const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(range) ?? [];
    const version = isIP(address);
    const bitsMax = version === 4 ? 32 : 128;
    const prefixBits = bits === undefined ? bitsMax : Number(bits);
    if (version === 0 || prefixBits > bitsMax) {
      throw new ConfigError(`"${range}" is neither an IP address nor a CIDR such as 10.0.0.0/8`);
    }
    list.addSubnet(address, prefixBits, version === 4 ? 'ipv4' : 'ipv6');
  }
  return (address) => {
    const version = isIP(address);
    return version !== 0 && list.check(address, version === 4 ? 'ipv4' : 'ipv6');
  };
}
