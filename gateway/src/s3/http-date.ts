/**
 * Dates of HTTP headers: the three forms of RFC 9110 §5.6.7, and IMF dates with a numeric zone, which
 * occur.
 */

const imfDate = /^[A-Za-z]{3}, \d{1,2} [A-Za-z]{3} \d{4} \d{2}:\d{2}:\d{2} (GMT|UTC|Z|[+-]\d{4})$/;
const rfc850Date = /^[A-Za-z]{6,9}, \d{2}-[A-Za-z]{3}-\d{2} \d{2}:\d{2}:\d{2} GMT$/;
const asctimeDate = /^[A-Za-z]{3} [A-Za-z]{3} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;

/** Milliseconds since the epoch; undefined where the text is absent or no such date. */
export function parseHttpDate(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const complete = asctimeDate.test(text) ? `${text} GMT` : text;
  if (complete === text && !imfDate.test(text) && !rfc850Date.test(text)) return undefined;
  const ms = Date.parse(complete);
  return Number.isNaN(ms) ? undefined : ms;
}
