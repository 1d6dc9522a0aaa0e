/** Writes S3's XML answers: small, fast, and safe for any key (S3-WIRE 70, 111). */

export const s3Namespace = 'http://s3.amazonaws.com/doc/2006-03-01/';
export const xmlDeclaration = '<?xml version="1.0" encoding="UTF-8"?>\n';

/** A document with a root element; `content` is XML made by the functions here. Errors have no namespace. */
export function xmlDocument(root: string, content: string, namespace: string | 'none' = s3Namespace): string {
  const attribute = namespace === 'none' ? '' : ` xmlns="${namespace}"`;
  return `${xmlDeclaration}<${root}${attribute}>${content}</${root}>`;
}

/** An element with text. */
export function element(name: string, text: string | number | boolean): string {
  return `<${name}>${typeof text === 'string' ? escapeXml(text) : text}</${name}>`;
}

/** An element with text, or nothing where the text is undefined. */
export function optionalElement(name: string, text: string | number | boolean | undefined): string {
  return text === undefined ? '' : element(name, text);
}

/** An element around XML. */
export function wrap(name: string, content: string): string {
  return `<${name}>${content}</${name}>`;
}

const replacements: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

/** Control characters go out as numeric references: XML 1.0 forbids most of them bare, and parsers eat CR. */
export function escapeXml(text: string): string {
  return text.replace(
    /[&<>"\p{Cc}\uFFFE\uFFFF]/gu,
    (character) => replacements[character] ?? `&#${character.charCodeAt(0)};`,
  );
}
