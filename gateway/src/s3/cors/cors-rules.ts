/**
 * A bucket's CORS rules and what they allow (S3-WIRE 125; AWS "How does Amazon S3 evaluate the CORS
 * configuration on a bucket?"): the first rule that fits decides.
 */
import type { HeaderList } from '@forebay/core/object';

export interface CorsRule {
  /** With at most one `*` each, as headers. */
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  readonly headers: readonly string[];
  readonly exposed: readonly string[];
  readonly maxAgeSeconds: string | undefined;
}

export interface CorsQuestion {
  readonly origin: string;
  readonly method: string;
  /** Lower-case, of a preflight; an actual request is not asked for its headers. */
  readonly headers: readonly string[];
}

const vary = ['vary', 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method'] as const;

/** Headers that let a browser go on; undefined where no rule fits. */
export function corsHeaders(rules: readonly CorsRule[], question: CorsQuestion): HeaderList | undefined {
  for (const rule of rules) {
    const origin = rule.origins.find((pattern) => matches(pattern, question.origin));
    if (origin === undefined || !rule.methods.includes(question.method)) continue;
    if (
      !question.headers.every((name) => rule.headers.some((pattern) => matches(pattern, name, 'any case')))
    ) {
      continue;
    }
    return allowed(rule, question, origin === '*');
  }
  return undefined;
}

function allowed(rule: CorsRule, question: CorsQuestion, isOpen: boolean): HeaderList {
  const headers: (readonly [name: string, value: string])[] = [
    ['access-control-allow-origin', isOpen ? '*' : question.origin],
    ['access-control-allow-methods', rule.methods.join(', ')],
  ];
  if (question.headers.length > 0)
    headers.push(['access-control-allow-headers', question.headers.join(', ')]);
  if (rule.exposed.length > 0) headers.push(['access-control-expose-headers', rule.exposed.join(', ')]);
  if (rule.maxAgeSeconds !== undefined) headers.push(['access-control-max-age', rule.maxAgeSeconds]);
  if (!isOpen) headers.push(['access-control-allow-credentials', 'true']);
  headers.push(vary);
  return headers;
}

function matches(pattern: string, text: string, letters: 'exact' | 'any case' = 'exact'): boolean {
  if (letters === 'any case') return matches(pattern.toLowerCase(), text.toLowerCase());
  const star = pattern.indexOf('*');
  if (star < 0) return pattern === text;
  const [start, end] = [pattern.slice(0, star), pattern.slice(star + 1)];
  return text.length >= start.length + end.length && text.startsWith(start) && text.endsWith(end);
}
