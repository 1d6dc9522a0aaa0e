import { Hono } from 'hono';
import { expect, it } from 'vitest';
import { dashboardFiles, dashboardRoutes } from './dashboard.ts';

const KiB = 1024;
const files = dashboardFiles();
const scripts = [...files].filter(([, { type }]) => type.startsWith('text/javascript'));

it('has every module that a module of it imports', () => {
  const page = files.get('/')!.bytes.toString();
  const [, names] = /<script type="importmap">(.*?)<\/script>/s.exec(page)!;
  const { imports } = JSON.parse(names!) as { imports: Record<string, string> };
  for (const [path, { bytes }] of scripts) {
    const text = bytes.toString();
    for (const [, name] of text.matchAll(/^(?:import|export)\b[^'"]*?from\s*["']([^"']+)["']/gm)) {
      const wanted = imports[name!] ?? new URL(name!, `http://admin${path}`).pathname;
      expect(files.has(wanted), `${path} imports ${name}`).toBe(true);
    }
  }
});

it('names all of its scripts in the page, so that they load side by side', () => {
  const page = files.get('/')!.bytes.toString();
  for (const [path] of scripts) expect(page).toContain(`href="${path}"`);
});

it('is less than 200 KB of compressed script', () => {
  const sizes = scripts.map(([, { compressed }]) => compressed.byteLength);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(200 * KiB);
});

it('answers compressed, unchanged and only what it is', async () => {
  const app = new Hono();
  dashboardRoutes(app);
  const first = await app.request('/src/main.js', { headers: { 'accept-encoding': 'gzip, br' } });
  expect(first.headers.get('content-encoding')).toBe('gzip');
  const again = { headers: { 'if-none-match': first.headers.get('etag')! } };
  expect((await app.request('/src/main.js', again)).status).toBe(304);
  const plain = await app.request('/src/main.js');
  expect(await plain.text()).toBe(files.get('/src/main.js')!.bytes.toString());
  for (const path of ['/src/../package.json', '/package.json', '/src/', '/api/v1/status']) {
    expect((await app.request(path)).status).toBe(404);
  }
  expect((await app.request('/', { method: 'POST' })).status).toBe(404);
});
