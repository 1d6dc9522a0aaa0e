/** XML for a fuzzer: documents as S3 wants them, and what parsers are attacked with. */
import { mutate, type Random } from '../support/random.ts';

const sound: Readonly<Record<string, string>> = {
  Delete:
    '<Delete><Object><Key>gone</Key></Object><Object><Key>k2</Key><VersionId>null</VersionId></Object></Delete>',
  CompleteMultipartUpload:
    '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"a"</ETag></Part></CompleteMultipartUpload>',
  Tagging: '<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>',
  Retention:
    '<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>2030-01-01T00:00:00Z</RetainUntilDate></Retention>',
  LegalHold: '<LegalHold><Status>ON</Status></LegalHold>',
  RestoreRequest: '<RestoreRequest><Days>1</Days></RestoreRequest>',
  VersioningConfiguration: '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>',
  AccessControlPolicy:
    '<AccessControlPolicy><Owner><ID>x</ID></Owner><AccessControlList><Grant><Grantee><ID>x</ID></Grantee>' +
    '<Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>',
  CreateBucketConfiguration:
    '<CreateBucketConfiguration><LocationConstraint>eu</LocationConstraint></CreateBucketConfiguration>',
};

type Attack = (root: string, body: string, random: Random) => string | Buffer;

const attacks: readonly Attack[] = [
  (_, body) => body,
  (_, body, random) => mutate(random, Buffer.from(body)),
  (_, body, random) => mutate(random, Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n${body}`)),
  // A billion laughs.
  (root, body) => {
    const levels = Array.from({ length: 12 }, (_, n) => `<!ENTITY l${n + 1} "${`&l${n};`.repeat(10)}">`);
    return `<!DOCTYPE ${root} [<!ENTITY l0 "lol">${levels.join('')}]>${body.replace('><', '>&l12;<')}`;
  },
  (root, body) =>
    `<!DOCTYPE ${root} [<!ENTITY x SYSTEM "file:///etc/passwd">]>${body.replace('><', '>&x;<')}`,
  (root) => `<!DOCTYPE ${root} SYSTEM "http://127.0.0.1:1/x.dtd"><${root}/>`,
  (root, _, random) => {
    const depth = random.pick([100, 2000, 50_000]);
    return `<${root}>${'<a>'.repeat(depth)}${random.chance(0.5) ? '</a>'.repeat(depth) : ''}</${root}>`;
  },
  (root, _, random) =>
    `<${root}>${'<Object><Key>n</Key></Object>'.repeat(random.pick([1001, 20_000]))}</${root}>`,
  (root, _, random) => `<${root}>${'<Part/>'.repeat(random.pick([10_001, 50_000]))}</${root}>`,
  (root, _, random) => `<${root} ${'a="b" '.repeat(random.pick([10, 30_000]))}/>`,
  (root) => `<${root}><Object><Key>${'&amp;'.repeat(20_000)}</Key></Object></${root}>`,
  (root) => `<${root}><Object><Key>&#0;&#xD800;&#x110000;&#99999999999;</Key></Object></${root}>`,
  (root) => `<${root}><__proto__><toString>x</toString></__proto__><constructor/></${root}>`,
  (_, body) => Buffer.concat([Buffer.of(0xef, 0xbb, 0xbf), Buffer.from(body)]),
  (_, body) => Buffer.from(`\ufeff${body}`, 'utf16le'),
  (_, body) => `<!-- ${'-'.repeat(20_000)} -->${body}`,
  (root) => `<${root}><![CDATA[${']]'.repeat(10_000)}</${root}>`,
  (root) => `<?xml version="1.0" encoding="EBCDIC"?><?${'p'.repeat(9000)} ?><${root}/>`,
  (_, __, random) => random.bytes(random.int(400)),
  () => '',
];

export function documentOf(random: Random, root: string): Buffer {
  return Buffer.from(random.pick(attacks)(root, sound[root] ?? `<${root}/>`, random) as string);
}
