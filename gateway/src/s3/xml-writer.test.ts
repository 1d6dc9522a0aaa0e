import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Parser } from 'xml2js';
import { element, escapeXml, optionalElement, wrap, xmlDocument } from './xml-writer.ts';

it('escapes what would be markup, and what parsers would change or refuse', () => {
  expect(escapeXml('a<b>&"\r\n\t\0\u0001\u007f\uffffé🎉')).toBe(
    'a&lt;b&gt;&amp;&quot;&#13;&#10;&#9;&#0;&#1;&#127;&#65535;é🎉',
  );
});

it('writes elements, nested and optional ones, under a root in the namespace of S3', () => {
  const content = wrap('Contents', element('Key', 'a&b') + element('Size', 3) + element('IsLatest', true));
  expect(
    xmlDocument('R', content + optionalElement('Prefix', undefined) + optionalElement('Marker', '')),
  ).toBe(
    '<?xml version="1.0" encoding="UTF-8"?>\n<R xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' +
      '<Contents><Key>a&amp;b</Key><Size>3</Size><IsLatest>true</IsLatest></Contents><Marker></Marker></R>',
  );
  expect(xmlDocument('Error', '', 'none')).toBe('<?xml version="1.0" encoding="UTF-8"?>\n<Error></Error>');
});

it('gives a strict parser back any text that XML 1.0 can hold', async () => {
  const forbidden = /(?![\t\n\r])\p{Cc}|[\ufffe\uffff]/u;
  const text = fc.string({ unit: 'binary', maxLength: 30 }).filter((candidate) => !forbidden.test(candidate));
  await fc.assert(
    fc.asyncProperty(text, async (given) => {
      const parsed = await new Parser().parseStringPromise(xmlDocument('Key', escapeXml(given), 'none'));
      expect(parsed).toEqual({ Key: given });
    }),
  );
});
