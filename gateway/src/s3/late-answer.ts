/**
 * Answers to writes that a UFS takes long over (S3-WIRE 95, 100): once that has taken a while, 200 and white
 * space go out until the result is known, so that nobody on the way takes the connection for dead. What the
 * document says comes from the very promise that the answer in time would have come from.
 */
import type { S3Answer } from './types.ts';
import { xmlDeclaration } from './xml-writer.ts';

/**
 * The status and headers of an answer whose document is not known yet. Only for operations whose clients
 * look for an error inside of a 200. Headers that the result would bring (x-amz-version-id, ...) are lost.
 */
export interface LateAnswer<A extends S3Answer> extends S3Answer {
  readonly status: 200;
  readonly body?: undefined;
  readonly late: Promise<A>;
}

/** @throws what `answer` throws, where it does within `afterMs`: such an error keeps its status */
export async function inTimeOrLate<A extends S3Answer>(
  answer: Promise<A>,
  afterMs: number,
): Promise<A | LateAnswer<A>> {
  const passed = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => passed.resolve(undefined), afterMs);
  try {
    const inTime = await Promise.race([answer, passed.promise]);
    return inTime ?? { status: 200, headers: [['content-type', 'application/xml']], late: answer };
  } finally {
    clearTimeout(timer);
  }
}

const space = Buffer.from(' ');

/**
 * White space until the document is known, then the document. Its declaration goes first: strict parsers
 * take nothing before it.
 * @param document never rejects
 */
export async function* whiteSpaceUntil(
  document: Promise<string>,
  intervalMs: number,
): AsyncGenerator<Uint8Array, void> {
  yield Buffer.from(xmlDeclaration);
  for (;;) {
    yield space;
    const passed = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => passed.resolve(undefined), intervalMs);
    const known = await Promise.race([document, passed.promise]);
    clearTimeout(timer);
    if (known === undefined) continue;
    yield Buffer.from(known.startsWith(xmlDeclaration) ? known.slice(xmlDeclaration.length) : known);
    return;
  }
}
