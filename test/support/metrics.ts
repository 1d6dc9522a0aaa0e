/** The metrics of a running Forebay, as a scraper reads them. */
import type { ForebayProcess } from './forebay-process.ts';
import { until } from './until.ts';

/** What /metrics is asked with: the root user's keys. */
type Scraped = Pick<ForebayProcess, 'admin' | 'accessKey' | 'secretKey'>;

type Labels = Readonly<Record<string, string>>;

export async function metricsText(forebay: Scraped): Promise<string> {
  const pair = Buffer.from(`${forebay.accessKey}:${forebay.secretKey}`).toString('base64');
  const answer = await fetch(`${forebay.admin}/metrics`, { headers: { authorization: `Basic ${pair}` } });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`/metrics answered ${answer.status}: ${text}`);
  return text;
}

/** Sum over the samples of one metric that carry these labels. @throws Error where there is no such metric */
export async function metric(forebay: Scraped, name: string, labels: Labels = {}): Promise<number> {
  const text = await metricsText(forebay);
  if (!text.includes(`# TYPE ${name} `)) throw new Error(`there is no metric ${name}`);
  let sum = 0;
  for (const [, sampleLabels = '', value] of text.matchAll(new RegExp(`^${name}(\\{.*\\})? (\\S+)$`, 'gm'))) {
    const matches = Object.entries(labels).every(([key, wanted]) =>
      sampleLabels.includes(`${key}="${wanted}"`),
    );
    if (matches) sum += Number(value);
  }
  return sum;
}

/** Resolves once a metric without labels has the value. */
export async function untilMetric(forebay: Scraped, name: string, value: number): Promise<void> {
  let last = Number.NaN;
  try {
    await until(`${name} is ${value}`, async () => {
      last = await metric(forebay, name);
      return last === value;
    });
  } catch (error) {
    throw new Error(`${(error as Error).message}, but ${last}`);
  }
}

/** Nothing is being read from the UFS, and no request is open. */
export async function untilQuiet(forebay: Scraped): Promise<void> {
  await untilMetric(forebay, 'forebay_requests_in_flight', 0);
  await untilMetric(forebay, 'forebay_fills_in_flight', 0);
  await untilMetric(forebay, 'forebay_fill_bytes_in_flight', 0);
}
