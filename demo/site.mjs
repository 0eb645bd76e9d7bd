// The demo's page: bundled when it starts, kept in memory, and served with nothing but itself allowed in it.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

const folder = join(import.meta.dirname, 'page');
const types = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  map: 'application/json',
  svg: 'image/svg+xml',
};

const headers = {
  // Beside its own server it connects to services of this machine, which listen on any port.
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self' ws://127.0.0.1:* ws://localhost:*",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
};

/** What answers requests for the page. Rejects with what esbuild says of it. */
export async function site() {
  const files = new Map();
  for (const name of ['index.html', 'styles.css', 'favicon.svg']) {
    files.set(`/${name}`, await readFile(join(folder, name)));
  }
  files.set('/', files.get('/index.html'));
  const { outputFiles } = await build({
    entryPoints: [join(folder, 'main.ts')],
    bundle: true,
    // WebRTC's part is loaded when it begins.
    splitting: true,
    format: 'esm',
    target: 'es2022',
    minifySyntax: true,
    minifyWhitespace: true,
    // Names stay: the parameters of this page's own methods are shown by them.
    minifyIdentifiers: false,
    sourcemap: true,
    write: false,
    outdir: folder,
    logLevel: 'warning',
    // Of the package's own files, where it is bundled from its checkout.
    logOverride: { 'ignored-bare-import': 'silent' },
  });
  for (const { path, contents } of outputFiles) {
    files.set(path.slice(folder.length).replaceAll('\\', '/'), contents);
  }

  return (request, response) => {
    const path = (request.url ?? '/').replace(/[?#].*$/s, '');
    const body = files.get(path);
    if (body === undefined || !['GET', 'HEAD'].includes(request.method)) {
      response.writeHead(404, { ...headers, 'content-type': 'text/plain' });
      return response.end('There is nothing here.\n');
    }
    const type = types[path === '/' ? 'html' : path.slice(path.lastIndexOf('.') + 1)];
    response.writeHead(200, { ...headers, 'content-type': type, 'content-length': body.length });
    return response.end(request.method === 'HEAD' ? undefined : body);
  };
}
