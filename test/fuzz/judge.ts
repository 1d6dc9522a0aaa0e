/** What may come back: S3's answers, whole, one after the other, and then perhaps a closed connection. */
import type { Outcome } from './send.ts';

interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** 503 is for limits alone: nothing behind the gateway is ever away here. */
const serverErrors: Readonly<Record<number, RegExp>> = {
  501: /<Code>(NotImplemented|[A-Za-z]+NotSupported)<\/Code>/,
  503: /<Code>SlowDown<\/Code>/,
};

/** What is wrong with an outcome, in words; undefined where nothing is. */
export function faultOf(outcome: Outcome, isHead: boolean): string | undefined {
  if (outcome.end === 'hung') return 'no answer and no end within the deadline';
  if (outcome.end === 'refused') return 'the server takes no connections';
  const { answers, rest } = answersIn(outcome.received, isHead);
  if (rest !== '' && !'HTTP/1.1 '.startsWith(rest.slice(0, 9))) return `no answer: ${rest.slice(0, 80)}`;
  for (const answer of answers) {
    const fault = faultIn(answer, isHead);
    if (fault) return `${fault}: ${answer.head.split('\r\n')[0]} ${answer.body.slice(0, 300)}`;
  }
  return undefined;
}

function faultIn({ status, head, body }: Answer, isHead: boolean): string | undefined {
  const id = /^x-amz-request-id: (\S+)$/im.exec(head)?.[1];
  if (id === undefined) return 'an answer without a request id';
  if (status >= 500 && !isHead && !serverErrors[status]?.test(body)) return 'a fault of the server';
  if (status >= 500 && isHead && !serverErrors[status]) return 'a fault of the server';
  if (status < 400 || isHead) return undefined;
  const isDocument = /<Error><Code>\w+<\/Code><Message>[\s\S]*<\/Error>$/.test(body);
  if (!isDocument || !body.includes(`<RequestId>${id}</RequestId>`)) return 'an error that is no S3 error';
  return undefined;
}

/** Whole answers, and what is left of one that was cut. */
export function answersIn(received: Buffer, isHead: boolean): { answers: readonly Answer[]; rest: string } {
  const answers: Answer[] = [];
  let text = received.toString('latin1');
  for (;;) {
    const headEnd = text.indexOf('\r\n\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1]);
    if (headEnd < 0 || Number.isNaN(status)) return { answers, rest: text };
    const head = text.slice(0, headEnd);
    const from = headEnd + 4;
    if (status < 200) {
      text = text.slice(from);
      continue;
    }
    // What was no request that could be read has a body whatever its method was meant to be.
    const isBodiless = isHead && !text.startsWith('<?xml', from);
    const end = isBodiless ? from : bodyEnd(text, { from, head });
    if (end > text.length) return { answers, rest: text };
    answers.push({ status, head, body: text.slice(from, end) });
    text = text.slice(end);
  }
}

/** Past the end of the text where the body is not whole. */
function bodyEnd(text: string, { from, head }: { from: number; head: string }): number {
  if (/^transfer-encoding: chunked$/im.test(head)) {
    const end = text.indexOf('\r\n0\r\n\r\n', from - 2);
    return end < 0 ? text.length + 1 : end + 7;
  }
  return from + Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
}
