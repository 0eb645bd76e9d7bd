import { createServer } from 'node:http';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** A server of one page, `pages/<name>.mjs`, and its workers, bundled as by a user of the package. It does not listen yet. */
export async function makeSite(name, ...workers) {
  const { outputFiles } = await build({
    entryPoints: [name, ...workers].map((it) =>
      fileURLToPath(new URL(`pages/${it}.mjs`, import.meta.url)),
    ),
    bundle: true,
    splitting: true,
    minify: true,
    write: false,
    outdir: '/',
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'error',
  });
  const files = new Map(outputFiles.map(({ path, contents }) => [basename(path), contents]));
  const html = `<!doctype html><title>${name}</title><script type="module" src="/${name}.js"></script>`;
  return createServer(({ url }, response) => {
    const file = files.get(url.slice(1));
    if (url === '/') return response.writeHead(200, { 'Content-Type': 'text/html' }).end(html);
    if (file === undefined) return response.writeHead(404).end();
    return response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(file);
  });
}

/** Listens on loopback; resolves with the origin. */
export async function listen(server) {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${server.address().port}`;
}
