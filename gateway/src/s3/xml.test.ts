import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { S3Error } from './errors.ts';
import { parseCompleteMultipartUpload, parseCreateBucketConfiguration, parseDeleteObjects } from './xml.ts';

const bytes = (text: string) => Buffer.from(text);
const codeOf = (parse: () => unknown) => {
  try {
    parse();
    return 'none';
  } catch (error) {
    return error instanceof S3Error ? error.code : error;
  }
};
const escapeXml = (text: string) => text.replace(/[&<>\r]/g, (character) => `&#${character.charCodeAt(0)};`);

describe('parseDeleteObjects', () => {
  const deleteOf = (objects: string, root = '<Delete>') =>
    parseDeleteObjects(bytes(`${root}${objects}</Delete>`));

  test('takes any namespace, element order, entities and white space between elements', () => {
    const document = parseDeleteObjects(
      bytes(`\uFEFF<?xml version="1.0" encoding="UTF-8"?>
        <s3:Delete xmlns:s3="http://s3.amazonaws.com/doc/2006-03-01/">
          <s3:Object><s3:VersionId>v&amp;1</s3:VersionId><s3:Key>a&quot;b</s3:Key></s3:Object>
          <!-- the second --><s3:Object><s3:Key><![CDATA[<k>]]></s3:Key><s3:ETag>"e"</s3:ETag></s3:Object>
          <s3:Quiet>true</s3:Quiet>
        </s3:Delete>\n`),
    );
    expect(document).toEqual({
      quiet: true,
      objects: [
        { key: 'a"b', versionId: 'v&1' },
        { key: '<k>', etag: '"e"' },
      ],
    });
  });

  test('keeps every key as it is, white space and carriage returns included', () => {
    const key = fc.string({
      unit: fc.constantFrom(' ', '\t', '\n', '\r', 'a', 'é', '𝄞', '&', '<', '>', '"', ']]>', '__proto__'),
      minLength: 1,
    });
    fc.assert(
      fc.property(fc.array(key, { minLength: 1, maxLength: 5 }), (keys) => {
        const objects = keys.map((each) => `<Object><Key>${escapeXml(each)}</Key></Object>`).join('');
        expect(deleteOf(objects).objects.map((object) => object.key)).toEqual(keys);
      }),
    );
  });

  test('reads a raw line end as XML does', () => {
    expect(deleteOf('<Object><Key>a\r\nb&#13;</Key></Object>').objects).toEqual([{ key: 'a\nb\r' }]);
  });

  test('is not quiet unless told', () => {
    expect(deleteOf('<Object><Key>k</Key></Object>').quiet).toBe(false);
    expect(deleteOf('<Quiet>false</Quiet><Object><Key>k</Key></Object>').quiet).toBe(false);
  });

  test('takes a thousand keys and not one more', () => {
    const objects = '<Object><Key>k</Key></Object>'.repeat(1000);
    expect(deleteOf(objects).objects).toHaveLength(1000);
    expect(codeOf(() => deleteOf(`${objects}<Object><Key>k</Key></Object>`))).toBe('MalformedXML');
  });

  test('refuses a condition that it would have to ignore', () => {
    expect(codeOf(() => deleteOf('<Object><Key>k</Key><Size>3</Size></Object>'))).toBe('NotImplemented');
  });

  const object = '<Object><Key>k</Key></Object>';
  test.each([
    '',
    ' ',
    'k',
    '{}',
    '<Delete/>',
    '<Delete></Delete>',
    `<Delete>${object}`,
    `<Delete>${object}</delete>`,
    `<Other>${object}</Other>`,
    `<Delete>${object}</Delete><Delete>${object}</Delete>`,
    `<Delete>${object}</Delete><Other/>`,
    `<Delete>${object}</Delete>more`,
    `<Delete>text${object}</Delete>`,
    '<Delete><Object/></Delete>',
    '<Delete><Object>k</Object></Delete>',
    '<Delete><Object><Key/></Object></Delete>',
    '<Delete><Object><Key><b>k</b></Key></Object></Delete>',
    '<Delete><Object><Key>k</Key><Key>l</Key></Object></Delete>',
    '<Delete><Object><Key>k</Key><VersionId></VersionId></Object></Delete>',
    '<Delete><Object><Key>k&e;</Key></Object></Delete>',
    `<Delete><Quiet>yes</Quiet>${object}</Delete>`,
    `<!DOCTYPE Delete><Delete>${object}</Delete>`,
    `<?xml version="1.0"?><!DOCTYPE d [<!ENTITY e "k">]><Delete><Object><Key>&e;</Key></Object></Delete>`,
    `<Delete><!DOCTYPE d [<!ENTITY e "k">]>${object}</Delete>`,
  ])('refuses %s', (text) => {
    expect(codeOf(() => parseDeleteObjects(bytes(text)))).toBe('MalformedXML');
  });

  test('refuses what is not UTF-8', () => {
    const latin1 = Buffer.from('<Delete><Object><Key>k\xff</Key></Object></Delete>', 'latin1');
    expect(codeOf(() => parseDeleteObjects(latin1))).toBe('MalformedXML');
  });

  test('answers damage with MalformedXML and nothing else', () => {
    const whole = bytes(
      `<Delete>${object}<Object><Key>a&amp;b</Key><VersionId>v</VersionId></Object></Delete>`,
    );
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), (position, byte) => {
        const damaged = Buffer.from(whole);
        damaged[position] = byte;
        expect(['none', 'MalformedXML']).toContain(codeOf(() => parseDeleteObjects(damaged)));
      }),
      { numRuns: 500 },
    );
  });
});

describe('parseCompleteMultipartUpload', () => {
  const completeOf = (parts: string) =>
    parseCompleteMultipartUpload(bytes(`<CompleteMultipartUpload>${parts}</CompleteMultipartUpload>`));

  test('takes quoted and bare ETags and every checksum', () => {
    const { parts } = completeOf(`
      <Part><ETag>&quot;a&quot;</ETag><PartNumber>1</PartNumber><ChecksumCRC32>NhCmhg==</ChecksumCRC32></Part>
      <Part><PartNumber> 10000 </PartNumber><ETag>b</ETag></Part>`);
    expect(parts).toEqual([
      { partNumber: 1, etag: '"a"', checksums: [['ChecksumCRC32', 'NhCmhg==']] },
      { partNumber: 10000, etag: 'b', checksums: [] },
    ]);
  });

  test.each([
    '',
    '<Part/>',
    '<Part><PartNumber>1</PartNumber></Part>',
    '<Part><ETag>a</ETag></Part>',
    '<Part><PartNumber>one</PartNumber><ETag>a</ETag></Part>',
    '<Part><PartNumber>1.5</PartNumber><ETag>a</ETag></Part>',
    '<Part><PartNumber>1</PartNumber><ETag></ETag></Part>',
  ])('refuses %s', (parts) => {
    expect(codeOf(() => completeOf(parts))).toBe('MalformedXML');
  });

  test.each(['0', '-1', '10001'])('refuses part number %s', (partNumber) => {
    const part = `<Part><PartNumber>${partNumber}</PartNumber><ETag>a</ETag></Part>`;
    expect(codeOf(() => completeOf(part))).toBe('InvalidArgument');
  });
});

test('a bucket configuration names its location or none', () => {
  const parse = (content: string) =>
    parseCreateBucketConfiguration(
      bytes(`<CreateBucketConfiguration xmlns="x">${content}</CreateBucketConfiguration>`),
    );
  expect(parse('<LocationConstraint>eu-west-1</LocationConstraint>')).toEqual({ location: 'eu-west-1' });
  expect(parse('')).toEqual({});
  expect(codeOf(() => parseCreateBucketConfiguration(bytes('<x/>')))).toBe('MalformedXML');
});
