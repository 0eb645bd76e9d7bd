import { expect, test } from 'vitest';
import { ownName } from '../child.js';
import { caller, fetching, names, report, type Runtime, runtimes, server } from './programs.js';

const all = runtimes();

test.each(all)('$name has the package by all its names, imported and required', async (runtime) => {
  const { code, out, err } = await (await runtime.start('names.mjs', names)).ended;
  expect({ code, out, err }).toEqual({
    ...{ code: 0, err: '' },
    out: 'function function true true true true true\n',
  });
});

/** Every two that are not both Node, and every Node with the one that runs this. */
const pairs = all.flatMap((serving) =>
  all.flatMap((calling) => (isPair(serving, calling) ? [{ serving, calling }] : [])),
);

function isPair(one: Runtime, other: Runtime): boolean {
  const nodes = [one, other].filter(({ name }) => name.startsWith('Node'));
  return nodes.length === 0 || nodes.includes(all[0] ?? one);
}

test.each(pairs)(
  '$serving.name is called by $calling.name: over TCP, over a WebSocket, and found by multicast DNS',
  async ({ serving, calling }) => {
    const name = ownName('runtime');
    const service = await serving.start('runtime-server.mjs', server, name);
    const endpoint = (await service.says(/at \S+/)).slice('at '.length);
    const ways = [endpoint, endpoint.replace('tcp:', 'ws:'), name];
    const { out, err } = await (await calling.start('runtime-caller.mjs', caller, ...ways)).ended;
    expect(err).toBe('');
    const reports: unknown = JSON.parse(/^reports (.*)$/m.exec(out)?.[1] ?? 'null');
    expect(reports).toEqual([report, report, report]);
    service.kill('SIGTERM');
    expect(await service.ended).toMatchObject({ err: '' });
  },
);

const fetchers = all.filter(({ name }) => !name.startsWith('Node'));

test.each(fetchers)(
  '$name hands its requests to a fetch handler: batches and events',
  async (runtime) => {
    const { code, out, err } = await (await runtime.start('fetching.mjs', fetching)).ended;
    expect({ code, out }).toEqual({
      code: 0,
      out: `${JSON.stringify([['ann', 'http', 'told'], 103, 99, 404])}\n`,
    });
    // Deno warns once that its signals fire for answers that were taken, too: they are listened to until then.
    expect(err.replace(/^Deno\.serve: request\.signal .*\n/, '')).toBe('');
  },
);
