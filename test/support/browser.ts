/** The dashboard in a real browser, behind `needs('chromium')`. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { launchChromium } from './chromium.ts';
import type { ForebayProcess } from './forebay-process.ts';
import { toolPath } from './tools.ts';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** Somebody else on this machine added or removed a network interface. */
const networkChanged = 'ERR_NETWORK_CHANGED';
const phone = { width: 390, height: 844 };
const desk = { width: 1280, height: 900 };

export async function startBrowser(): Promise<Browser> {
  return launchChromium(await toolPath('chromium'));
}

export interface Looks {
  readonly colorScheme?: NonNullable<BrowserContextOptions['colorScheme']>;
  readonly device?: 'desk' | 'phone';
}

export interface LoadCost {
  /** For the page and its files. */
  readonly requests: number;
  /** As they came, compressed. */
  readonly scriptBytes: number;
  /** Of the first text; undefined where nothing was painted. Since the request for the page, as `loadedMs`. */
  readonly firstPaintMs: number | undefined;
  readonly loadedMs: number;
}

/** A dashboard that somebody looks at. */
export class DashboardPage {
  readonly page: Page;
  /** What the browser complained of. */
  readonly complaints: string[] = [];
  readonly #admin: string;
  readonly #context: BrowserContext;

  private constructor(context: BrowserContext, page: Page, admin: string) {
    this.#context = context;
    this.page = page;
    this.#admin = admin;
    page.on('console', (message) => {
      const isOurs = !message.text().includes(networkChanged);
      if (isOurs && ['error', 'warning'].includes(message.type())) this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(String(error)));
  }

  static async open(
    browser: Browser,
    { admin }: Pick<ForebayProcess, 'admin'>,
    { colorScheme = 'light', device = 'desk' }: Looks = {},
  ): Promise<DashboardPage> {
    const viewport = device === 'desk' ? desk : phone;
    const context = await browser.newContext({ colorScheme, viewport });
    const dashboard = new DashboardPage(context, await context.newPage(), admin);
    await dashboard.page.goto(admin);
    return dashboard;
  }

  async signIn({ accessKey, secretKey }: Pick<ForebayProcess, 'accessKey' | 'secretKey'>): Promise<void> {
    await this.page.getByLabel('Access key').fill(accessKey);
    await this.page.getByLabel('Secret key or token').fill(secretKey);
    await this.page.getByRole('button', { name: 'Sign in' }).click();
    await this.page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  }

  /** Goes to a page of the dashboard and waits until it shows something. */
  async visit(route: string, heading: string): Promise<void> {
    await this.page.goto(`${this.#admin}/#/${route}`);
    await this.page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor();
    await this.page.getByText('Loading…').first().waitFor({ state: 'detached' });
  }

  /** What stands in the way of people with disabilities, by axe's rules; empty: nothing that it finds. */
  async barriers(): Promise<string[]> {
    const run = `${axeSource}; axe.run(document, {resultTypes: ['violations']})`;
    const { violations } = (await this.page.evaluate(run)) as {
      violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
    };
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
    );
  }

  /** How far the page is wider than its window, in px. */
  overflowPx(): Promise<number> {
    return this.page.evaluate('document.documentElement.scrollWidth - innerWidth');
  }

  /** What it took to show the page since it was opened or loaded again. */
  async cost(): Promise<LoadCost> {
    const read = `(() => {
      const entries = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
      const own = entries.filter(({ name }) => !new URL(name).pathname.startsWith('/api/'));
      const scripts = own.filter(({ name }) => name.endsWith('.js'));
      return {
        requests: own.length,
        scriptBytes: scripts.reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0),
        firstPaintMs: performance.getEntriesByName('first-contentful-paint')[0]?.startTime,
        loadedMs: entries[0].loadEventEnd,
      };
    })()`;
    return (await this.page.evaluate(read)) as LoadCost;
  }

  async close(): Promise<void> {
    await this.#context.close();
  }
}
