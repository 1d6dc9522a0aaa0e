/**
 * The dashboard: static files that speak to the JSON API like any other client. Read once, when the app is
 * made.
 */
import { readFileSync } from 'node:fs';
import type { Hono } from 'hono';

const files = [
  { path: '/', name: 'index.html', type: 'text/html; charset=utf-8' },
  { path: '/dashboard.css', name: 'dashboard.css', type: 'text/css; charset=utf-8' },
  { path: '/dashboard.js', name: 'dashboard.js', type: 'text/javascript; charset=utf-8' },
  { path: '/favicon.svg', name: 'favicon.svg', type: 'image/svg+xml' },
] as const;
const directory = new URL('../../../dashboard/', import.meta.url);
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'";

export function dashboardRoutes(app: Hono): void {
  for (const { path, name, type } of files) {
    const bytes = readFileSync(new URL(name, directory));
    app.get(path, (c) =>
      c.body(bytes, 200, {
        'content-type': type,
        'cache-control': 'no-cache',
        'content-security-policy': `${policy}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
        'referrer-policy': 'no-referrer',
      }),
    );
  }
}
