/** Where a bucket is: origin to connect to, Host to sign, and the path of its objects. */
import { isIP } from 'node:net';
import type { UfsLocation } from '@forebay/core/mount';
import { uriEncode, uriEncodePath } from '@forebay/core/sigv4';

export type S3Location = Extract<UfsLocation, { scheme: 's3' }>;

export interface S3Address {
  /** `http://host:port` */
  readonly origin: string;
  /** As the Host header says it: with the port, unless it is the scheme's own. */
  readonly host: string;
  /** Path-style: `/bucket`; virtual-host style, and the service: empty. */
  readonly bucketPath: string;
}

export function addressOf(location: S3Location): S3Address {
  const endpoint = endpointOf(location);
  const inHost = !location.pathStyle && canStandInHost(location.bucket, endpoint);
  const host = inHost ? `${location.bucket}.${endpoint.host}` : endpoint.host;
  return {
    origin: `${endpoint.protocol}//${host}`,
    host,
    bucketPath: inHost ? '' : `/${uriEncode(location.bucket)}`,
  };
}

/** Where a store lists its buckets. */
export function serviceAddressOf(location: S3Location): S3Address {
  const { origin, host } = endpointOf(location);
  return { origin, host, bucketPath: '' };
}

function endpointOf(location: S3Location): URL {
  return new URL(location.endpoint ?? awsEndpoint(location.region));
}

/**
 * The encoded path of a key, or of the bucket itself. Never normalised: keys hold `//` and `..` (S3-WIRE
 * 2).
 */
export function pathOf(address: S3Address, key: string | undefined): string {
  if (key !== undefined) return `${address.bucketPath}/${uriEncodePath(key)}`;
  return address.bucketPath === '' ? '/' : address.bucketPath;
}

function awsEndpoint(region: string): string {
  return `https://s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
}

function canStandInHost(bucket: string, endpoint: URL): boolean {
  const hostname = endpoint.hostname.replace(/^\[|\]$/g, '');
  // A wildcard certificate covers one label, so a bucket with dots fails over TLS; addresses have no
  // subdomains.
  return isIP(hostname) === 0 && /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(bucket);
}
