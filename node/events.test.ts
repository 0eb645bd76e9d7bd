import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { context, dial, events, serve, sessionOf } from './index.js';
import { answerTo, dialRaw, request, statusOf, untilEnd } from './listen/testing/raw.js';

const logger = { warn: () => {} };
const json = { 'Content-Type': 'application/json' };
const methods = '{"method":"methods","arguments":[{}]}\n';

const api = {
  shout: (text: string) => text.toUpperCase(),
  peer: () => context().peer,
  ask: (question: (text: string) => Promise<string>) => question('?'),
  async *rows(to: number) {
    for (let n = 0; n < to; n++) yield n;
  },
};

async function start(given: object = {}) {
  const server = await serve(api, { port: 0, logger, ...given });
  onTestFinished(() => server.close());
  const port = Number(/:(\d+)$/.exec(server.endpoints.at(-1) ?? '')?.[1]);
  return { server, port, url: `http://127.0.0.1:${port}` };
}

/** Opens a stream by hand: its socket, and its id. */
async function opened(port: number, headers: Record<string, string> = {}) {
  const socket = await dialRaw(port);
  let text = '';
  socket.on('data', (data: Buffer) => (text += data.toString()));
  socket.write(request('GET /dnode', { Accept: 'text/event-stream', ...headers }));
  await expect.poll(() => /data: (\w{32})/.test(text)).toBe(true);
  const id = /data: (\w{32})/.exec(text)?.[1] ?? '';
  const post = async (query: string, body = '', more: Record<string, string> = {}) =>
    statusOf(
      await answerTo(port, request(`POST /dnode/${id}?${query}`, { ...json, ...more }, body)),
    );
  return { socket, id, post, text: () => text };
}

describe('a session over events', () => {
  test('has callbacks, streams and outcomes, both ways', async () => {
    const { url, server } = await start();
    const remote = await dial(events(url), { logger });
    expect(await remote.shout('hi')).toBe('HI');
    expect(await remote.ask((text: string) => `${text}!`)).toBe('?!');
    const rows: number[] = [];
    for await (const row of await remote.rows(100)) rows.push(row as number);
    expect(rows).toHaveLength(100);
    expect(await remote.peer()).toMatchObject({ transport: 'http' });
    const ended = new Promise<void>((resolve) => sessionOf(remote).on('end', () => resolve()));
    await server.close();
    await ended;
    expect(sessionOf(remote).ended).toBe(true);
  });

  test.each(['its own port', "somebody's server"])(
    'finishes what runs when it drains, callbacks too: %s',
    async (place) => {
      const theirs = createServer((_, response) => response.end('theirs')).listen(0, '127.0.0.1');
      onTestFinished(() => void theirs.close());
      await once(theirs, 'listening');
      let begun = (): void => {};
      const running = new Promise<void>((resolve) => (begun = resolve));
      let end = (): void => {};
      const slow = new Promise<void>((resolve) => (end = resolve));
      const served = await serve(
        {
          async wait(question: (text: string) => Promise<string>) {
            begun();
            await slow;
            return question('done');
          },
        },
        place === 'its own port' ? { port: 0, logger } : { server: theirs, logger },
      );
      const [at = ''] = served.endpoints;
      const url = at.replace(/^\w+:/, 'http:');
      const remote = await dial(events(url), { logger });
      const call = remote.wait((text: string) => `${text}!`);
      await running;
      const drained = served.drain(5_000);
      // The POST of what it still says, and of the end, is let in; nobody new is.
      const fresh = await fetch(/dnode$/.test(url) ? url : `${url}/dnode`, {
        headers: { accept: 'text/event-stream' },
      });
      expect(fresh.status).toBe(503);
      end();
      expect(await call).toBe('done!');
      await drained;
      expect(served.sessions.size).toBe(0);
      if (place !== 'its own port') expect(await (await fetch(url)).text()).toBe('theirs');
      else await expect(fetch(url)).rejects.toThrow();
    },
  );

  test('is let in by its credentials, or not', async () => {
    const { url } = await start({ authenticate: (auth: unknown) => auth === 'secret' });
    const remote = await dial(events(url), { auth: 'secret', logger });
    expect(await remote.shout('hi')).toBe('HI');
    remote[Symbol.dispose]();
    await expect(dial(events(url), { auth: 'wrong', logger })).rejects.toMatchObject({
      code: 'ERR_AUTH',
    });
  });

  test('ends in good order, and the server forgets it', async () => {
    const { url, server } = await start();
    const remote = await dial(events(url), { logger });
    expect(server.sessions.size).toBe(1);
    await remote[Symbol.asyncDispose]();
    await expect.poll(() => server.sessions.size).toBe(0);
  });

  test('ends where there is nobody, or no dnode', async () => {
    await expect(dial(events('http://127.0.0.1:1'), { logger })).rejects.toMatchObject({
      code: 'ERR_CONNECT',
    });
    const other = createServer((_, response) => void response.writeHead(404).end());
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    onTestFinished(() => void other.close());
    const { port } = other.address() as AddressInfo;
    await expect(dial(events(`http://127.0.0.1:${port}`), { logger })).rejects.toMatchObject({
      code: 'ERR_METHOD',
    });
    expect(() => events('ws://x')).toThrow(expect.objectContaining({ code: 'ERR_ENDPOINT' }));
  });
});

describe('a hostile caller', () => {
  test('of a foreign origin or host opens nothing', async () => {
    const { port } = await start();
    const asked = { Accept: 'text/event-stream' };
    for (const [headers, status] of [
      [{ Origin: 'http://a.example' }, 403],
      [{ Origin: 'null' }, 403],
      [{ Host: 'rebound.example' }, 421],
    ] as const) {
      const answer = await answerTo(port, request('GET /dnode', { ...asked, ...headers }));
      expect(statusOf(answer)).toBe(status);
    }
  });

  test('posts to what is not its own', async () => {
    const { port, server } = await start();
    const { post } = await opened(port, { Origin: 'http://localhost:1' });
    expect(await post('n=0', methods, { Origin: 'http://localhost:2' })).toBe(404);
    expect(await post('n=0', methods)).toBe(404);
    expect(await post('n=0', methods, { Origin: 'http://localhost:1' })).toBe(204);
    expect(await post('n=1', '', { Origin: 'http://localhost:2' })).toBe(404);
    const nobody = `POST /dnode/${'0'.repeat(32)}?n=0`;
    expect(statusOf(await answerTo(port, request(nobody, json, methods)))).toBe(404);
    expect(statusOf(await answerTo(port, request('POST /dnode/x', json, methods)))).toBe(404);
    expect(server.sessions.size).toBe(1);
  });

  test('posts in no order: each is taken once', async () => {
    const { port, server } = await start();
    const { post, text } = await opened(port);
    expect(await post('n=1', methods)).toBe(409);
    expect(await post('n=x', methods)).toBe(409);
    expect(await post('n=0', methods)).toBe(204);
    expect(await post('n=0', methods)).toBe(204);
    expect(await post('n=1', '{"method":"shout","arguments":["a"],"reply":5}\n')).toBe(204);
    expect(server.sessions.size).toBe(1);
    expect(await post('n=2&end')).toBe(204);
    await expect.poll(() => text()).toContain('event: end');
    expect(await post('n=3')).toBe(404);
  });

  test('never posts: its stream ends', async () => {
    const { port, server } = await start({ limits: { handshake: 100 } });
    const { socket } = await opened(port);
    await untilEnd(socket);
    expect(server.sessions.size).toBe(0);
  });

  test('opens many: those beyond the limit are refused', async () => {
    const { port } = await start({ limits: { sessions: 3 } });
    const all = await Promise.all([opened(port), opened(port), opened(port)]);
    expect(new Set(all.map(({ id }) => id)).size).toBe(3);
    const asked = request('GET /dnode', { Accept: 'text/event-stream' });
    expect(await answerTo(port, asked)).toContain('"code":"ERR_BUSY"');
    for (const { socket } of all) socket.destroy();
  });

  test('goes away: it is a lost channel', async () => {
    const { port, server } = await start();
    const { post, socket } = await opened(port);
    expect(await post('n=0', methods)).toBe(204);
    expect(server.sessions.size).toBe(1);
    socket.destroy();
    await expect.poll(() => server.sessions.size).toBe(0);
    expect(await post('n=1')).toBe(404);
  });
});
