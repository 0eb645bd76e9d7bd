import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { build } from 'esbuild';
import { inject } from 'vitest';

/** A site of this machine, whose page has the installed package as `dservice`. */
export interface Site {
  readonly url: string;
  close(): Promise<void>;
}

/** The page's module. */
const page = `import * as all from 'dservice'; globalThis.dservice = { ...all };`;

/** The worker that a page may start, `new Worker('/worker.js')`. */
const worker = `
  import { serve } from 'dservice';
  void serve(
    {
      double: (number) => number * 2,
      count: async (to, each) => { for (let i = 1; i <= to; i++) await each(i); return new Date(to); },
    },
    globalThis,
  );
`;

export async function openSite(): Promise<Site> {
  const [pageText, workerText] = await Promise.all([bundle(page), bundle(worker)]);
  const files: Readonly<Record<string, readonly [string, string]>> = {
    '/': [
      'text/html',
      '<!doctype html><title>e2e</title><script type="module" src="/page.js"></script>',
    ],
    '/page.js': ['text/javascript', pageText],
    '/worker.js': ['text/javascript', workerText],
  };
  const server = createServer(({ url = '' }, response) => {
    const [type, text] = files[url] ?? [];
    if (text === undefined || type === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // It listens on TCP.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function bundle(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: inject('installed') },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'silent',
  });
  return outputFiles[0]?.text ?? '';
}
