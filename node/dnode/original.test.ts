import { readdirSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { makePlace, type Place, type Program, start } from './fixtures/programs.js';

const original = dirname(createRequire(import.meta.url).resolve('dnode/package.json'));
const tests = ['test', 'test/server'].flatMap((folder) =>
  readdirSync(join(original, folder))
    .filter((name) => name.endsWith('.js'))
    .map((name) => `${folder}/${name}`),
);

// Processes start slowly on a busy machine.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

let place: Place;
const running: Program[] = [];

function run(...args: Parameters<typeof start>): Program {
  const program = start(...args);
  running.push(program);
  return program;
}

beforeAll(async () => {
  place = await makePlace();
});
afterEach(async () => {
  for (const program of running) program.kill();
  await Promise.all(running.splice(0).map(({ ended }) => ended));
});
afterAll(() => place.remove());

describe("dnode's own tests, unchanged", () => {
  it('are all here', () => expect(tests).toHaveLength(22));

  it.each(tests)('%s', async (file) => {
    const { code, output } = await run(join(place.folder, file)).ended;
    expect(output).toMatch(/^# pass +\d+$/m);
    expect(output).not.toMatch(/^not ok/m);
    expect({ code, output }).toMatchObject({ code: 0 });
  });
});

/** Over TCP, and over a unix socket in place of the port that the program names. */
const transports = [
  ['TCP', {}],
  ['a unix socket', { SOCKET: 'there.sock' }],
] as const;

async function pair(
  server: string,
  client: string,
  env: Record<string, string>,
  args: string[] = [],
): Promise<{ server: Program; output: string; code: number | null }> {
  const socket: Record<string, string> =
    env.SOCKET === undefined ? {} : { SOCKET: join(place.folder, env.SOCKET) };
  if (socket.SOCKET !== undefined) await rm(socket.SOCKET, { force: true });
  const serving = run(join(place.folder, server), { env: socket });
  const places = JSON.stringify(await serving.listening);
  const calling = run(join(place.folder, client), { args, env: { PLACES: places } });
  return { server: serving, ...(await calling.ended) };
}

describe.each(transports)("dnode's examples, unchanged, over %s", (_, env) => {
  it('simple', async () => {
    const { code, output } = await pair(
      'example/simple/server.js',
      'example/simple/client.js',
      env,
    );
    expect({ code, output }).toEqual({ code: 0, output: 'n=3300\n' });
  });

  it('stream', async () => {
    const { code, output } = await pair(
      'example/stream/listen.js',
      'example/stream/connect.js',
      env,
    );
    expect({ code, output }).toEqual({ code: 0, output: 'beep => BOOP\n' });
  });

  it('auth, with the right password', async () => {
    const files = ['example/auth/server.js', 'example/auth/client.js'] as const;
    const { code, output, server } = await pair(...files, env, ['moo', 'hax']);
    expect({ code, output }).toMatchObject({ code: 0 });
    expect(output).toMatch(/^And now for a quote by /);
    await server.printed('signed in: moo\ndisconnected: moo\n');
  });

  it('auth, with a wrong one', async () => {
    const files = ['example/auth/server.js', 'example/auth/client.js'] as const;
    const { code, output } = await pair(...files, env, ['moo', 'no']);
    expect({ code, output }).toEqual({ code: 0, output: 'ACCESS DENIED\n' });
  });

  // The last example, shoe, is a page served by packages of 2012 that are not to be had together.

  it.each([
    ['listen and connect', 0, 1],
    ['streaming', 2, 3],
    ['listen, and a stream', 0, 3],
    ['a stream, and connect', 2, 1],
  ])("the readme's: %s", async (name, server, client) => {
    const readme = readFileSync(join(place.folder, 'readme.markdown'), 'utf8');
    const blocks = [...readme.matchAll(/^``` js\n([^]*?)^```$/gm)].map((match) => match[1] ?? '');
    const base = name.replaceAll(/\W/g, '-');
    await writeFile(join(place.folder, `${base}-server.js`), blocks[server] ?? '');
    await writeFile(join(place.folder, `${base}-client.js`), blocks[client] ?? '');
    const { code, output } = await pair(`${base}-server.js`, `${base}-client.js`, env);
    expect({ code, output }).toEqual({ code: 0, output: 'beep => BOOP\n' });
  });
});
