/** Settings of the gateway role. */
import { bytes, choice, duration, integer, list, text, type Values } from '@forebay/core/config';

export const gatewaySettings = {
  host: text({
    env: 'FOREBAY_HOST',
    default: '127.0.0.1',
    pattern: /^[A-Za-z0-9._:%-]+$/,
    allowed: 'an IP address or host name; 0.0.0.0 for every interface',
    help: 'Address to listen on, for S3 and for the admin API.',
  }),
  port: integer({
    env: 'FOREBAY_PORT',
    default: '9000',
    max: '65535',
    help: 'Port of the S3 endpoint. 0 takes any free port.',
  }),
  domains: list({
    env: 'FOREBAY_DOMAIN',
    pattern: /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/,
    allowed: 'a host name such as s3.example.com, without a port',
    help: 'Host name below which buckets are host names too (bucket.DOMAIN). May be repeated.',
  }),
  trustedProxies: list({
    env: 'FOREBAY_TRUSTED_PROXY',
    pattern: /^[0-9A-Fa-f.:]+(\/\d{1,3})?$/,
    allowed: 'an IP address or a CIDR such as 10.0.0.0/8',
    help: 'Proxy whose X-Forwarded-* headers are believed, as a CIDR. May be repeated.',
  }),
  sigv2: choice({
    env: 'FOREBAY_SIGV2',
    choices: ['presigned', 'off'],
    default: 'presigned',
    help: 'Accept links signed with signature version 2, which boto3 still makes by default.',
  }),
  accessLog: choice({
    env: 'FOREBAY_ACCESS_LOG',
    dynamic: true,
    choices: ['on', 'off'],
    default: 'off',
    help: 'One line per request, whatever became of it.',
  }),
  accessLogFormat: choice({
    env: 'FOREBAY_ACCESS_LOG_FORMAT',
    dynamic: true,
    choices: ['json', 's3'],
    default: 'json',
    help: "Lines of the access log as JSON, or as S3's own server access logs have them.",
  }),
  accessLogFile: text({
    env: 'FOREBAY_ACCESS_LOG_FILE',
    allowed: 'a file',
    help: 'Where the access log goes. Moved away, it is made anew within a second. Unset: stderr.',
  }),
  accessLogQueueBytesMax: bytes({
    env: 'FOREBAY_ACCESS_LOG_QUEUE',
    default: '4MiB',
    min: '64KiB',
    max: '1GiB',
    help: 'Lines of the access log that wait to be written; beyond it they are dropped and counted.',
  }),
  zeroCopy: choice({
    env: 'FOREBAY_ZERO_COPY',
    choices: ['auto', 'off'],
    default: 'auto',
    help:
      'Cached pages go from the page cache to a client without a copy (sendfile), where the system and the ' +
      'connection allow it; off reads them into memory first.',
  }),
  headersTimeoutMs: duration({
    env: 'FOREBAY_HEADERS_TIMEOUT',
    default: '30s',
    min: '1s',
    max: '10m',
    help: 'A client must have sent the headers of a request within this time.',
  }),
  idleTimeoutMs: duration({
    env: 'FOREBAY_IDLE_TIMEOUT',
    default: '2m',
    min: '1s',
    max: '1h',
    help: 'A connection on which a request or an answer makes no progress for this long is closed.',
  }),
  keepAliveTimeoutMs: duration({
    env: 'FOREBAY_KEEP_ALIVE_TIMEOUT',
    default: '75s',
    min: '1s',
    max: '1h',
    help: 'An idle connection is kept this long between requests. SDK pools outlive short values.',
  }),
  whiteSpaceIntervalMs: duration({
    env: 'FOREBAY_WHITE_SPACE_INTERVAL',
    dynamic: true,
    default: '5s',
    min: '10ms',
    max: '1m',
    help:
      'A copy or a CompleteMultipartUpload that takes the UFS longer than this is answered with 200 and ' +
      'white space at this interval, then with its result or an error document, as S3 does it.',
  }),
  headerBytesMax: bytes({
    env: 'FOREBAY_HEADER_SIZE_MAX',
    default: '32KiB',
    min: '8KiB',
    max: '256KiB',
    help: 'Headers of one request may have this many bytes.',
  }),
  xmlBodyBytesMax: bytes({
    env: 'FOREBAY_XML_BODY_SIZE_MAX',
    dynamic: true,
    default: '2MiB',
    min: '1MiB',
    max: '16MiB',
    help: 'Request bodies that are XML documents (DeleteObjects, CompleteMultipartUpload) may be this large.',
  }),
  formMemoryBytesMax: bytes({
    env: 'FOREBAY_FORM_MEMORY_MAX',
    default: '64MiB',
    min: '5MiB',
    max: '4GiB',
    help: 'Memory for the files of upload forms under way, 5 MiB each at most; beyond it, 503 SlowDown.',
  }),
  listCacheBytesMax: bytes({
    env: 'FOREBAY_LIST_CACHE_SIZE',
    default: '32MiB',
    min: '1MiB',
    max: '16GiB',
    help: 'Memory for the kept listings of all mounts that have listTtl.',
  }),
  connectionsMax: integer({
    env: 'FOREBAY_CONNECTIONS_MAX',
    default: '4096',
    min: '1',
    max: '1000000',
    help: 'Open client connections; further ones are closed at once.',
  }),
  requestsInFlightMax: integer({
    env: 'FOREBAY_REQUESTS_IN_FLIGHT_MAX',
    dynamic: true,
    default: '1024',
    min: '1',
    max: '1000000',
    help: 'Requests being answered at a time; further ones get 503 SlowDown with Retry-After.',
  }),
};

export type GatewayConfig = Values<typeof gatewaySettings>;
