/**
 * The dashboard: static files that speak to the JSON API like any other client. They are modules that
 * browsers run as they are, and the two libraries come from the packages: nothing is built. All are named in
 * the page, so that a browser asks for them at once. Read and compressed once, when one is asked for.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Context, Hono } from 'hono';

const directory = join(import.meta.dirname, '../../../dashboard');
const resolve = createRequire(join(directory, 'package.json')).resolve;
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export interface DashboardFile {
  readonly type: string;
  readonly bytes: Buffer<ArrayBuffer>;
  readonly compressed: Buffer<ArrayBuffer>;
  readonly etag: string;
}

/** By their paths at the admin port. */
export function dashboardFiles(): ReadonlyMap<string, DashboardFile> {
  const files = new Map<string, DashboardFile>();
  const add = (path: string, file: string) => files.set(path, fileOf(extname(file), readFileSync(file)));
  for (const name of ['dashboard.css', 'favicon.svg']) add(`/${name}`, join(directory, name));
  const sources = readdirSync(join(directory, 'src'), { recursive: true, encoding: 'utf8' });
  for (const name of sources.filter((one) => extname(one) === '.js' && !one.endsWith('.test.js'))) {
    add(`/src/${name}`, join(directory, 'src', name));
  }
  add('/lib/preact.js', resolve('preact'));
  add('/lib/hooks.js', resolve('preact/hooks'));
  add('/lib/uplot.js', resolve('uplot/dist/uPlot.esm.js'));
  add('/lib/uplot.css', resolve('uplot/dist/uPlot.min.css'));
  const page = readFileSync(join(directory, 'index.html'), 'utf8').replace(
    '<!-- preload -->',
    [...files.keys()]
      .filter((path) => path.endsWith('.js'))
      .map((path) => `<link rel="modulepreload" href="${path}">`)
      .join('\n  '),
  );
  files.set('/', fileOf('.html', Buffer.from(page)));
  return files;
}

export function dashboardRoutes(app: Hono): void {
  let files: ReadonlyMap<string, DashboardFile> | undefined;
  let policy = '';
  app.use(async (c, next) => {
    const { path } = c.req;
    if (!['GET', 'HEAD'].includes(c.req.method) || path.startsWith('/api/')) return next();
    files ??= dashboardFiles();
    policy ||= policyOf(files.get('/')!.bytes.toString());
    const file = files.get(path);
    return file ? answer(c, file, policy) : next();
  });
}

function answer(c: Context, { type, bytes, compressed, etag }: DashboardFile, policy: string): Response {
  const headers = {
    'content-type': type,
    'cache-control': 'no-cache',
    etag,
    vary: 'accept-encoding',
    'content-security-policy': policy,
    'referrer-policy': 'no-referrer',
  };
  if (c.req.header('if-none-match') === etag) return c.body(null, 304, headers);
  const takesGzip = /\bgzip\b/.test(c.req.header('accept-encoding') ?? '');
  if (!takesGzip) return c.body(bytes, 200, headers);
  return c.body(compressed, 200, { ...headers, 'content-encoding': 'gzip' });
}

function fileOf(extension: string, bytes: Buffer<ArrayBuffer>): DashboardFile {
  const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
  return { type: types[extension]!, bytes, compressed: gzipSync(bytes, { level: 9 }), etag };
}

/** The page has one script of its own: the names of its libraries. It may run by its hash, and no other. */
function policyOf(page: string): string {
  const [, imports = ''] = /<script type="importmap">(.*?)<\/script>/s.exec(page) ?? [];
  const hash = createHash('sha256').update(imports).digest('base64');
  const sources = `script-src 'self' 'sha256-${hash}'; style-src 'self'; img-src 'self' data:; connect-src 'self'`;
  return `default-src 'none'; ${sources}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
}
