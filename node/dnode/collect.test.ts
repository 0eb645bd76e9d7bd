import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import dnode, { type AnyRemote, type Dnode } from './index.js';

const collect = globalThis.gc;
if (collect === undefined) throw new Error('run with --expose-gc');

/** A drop-in that is given functions by hand, and the messages that it sends. */
async function setup(weak?: boolean) {
  const kept: unknown[] = [];
  const api = {
    take: () => {},
    keep: (fn: unknown) => kept.push(fn),
  };
  const d: Dnode = dnode(api, weak === undefined ? {} : { weak });
  const sent: AnyRemote[] = [];
  d.on('data', (line: string) => sent.push(JSON.parse(line)));
  await once(d, 'data');
  const give = (id: number, method = 'take'): void => {
    d.handle({ method, arguments: ['x'], callbacks: { [id]: ['0'] } });
  };
  return { d, give, kept, sent };
}

async function turns(n: number): Promise<void> {
  for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
}

describe('functions of the peer that nobody holds', () => {
  it('are told to it by a cull, and those that somebody holds are not', async () => {
    const { d, give, kept, sent } = await setup();
    for (let id = 0; id < 100; id++) give(id);
    give(100, 'keep');
    const culled = new Set<number>();
    while (culled.size < 100) {
      collect();
      await turns(2);
      for (const { method, arguments: ids } of sent.splice(0)) {
        if (method === 'cull') for (const id of ids) culled.add(id);
      }
    }
    expect(culled.has(100)).toBe(false);
    // The same function as long as it is held.
    give(100, 'keep');
    expect(kept[1]).toBe(kept[0]);
    d.end();
  });

  it('live anew where they are given again', async () => {
    const { d, give, kept, sent } = await setup();
    give(5);
    while (!sent.some(({ method }) => method === 'cull')) {
      collect();
      await turns(2);
    }
    give(5, 'keep');
    (kept[0] as AnyRemote)('again');
    expect(sent.at(-1)).toMatchObject({ method: 5, arguments: ['again'] });
    d.end();
  });

  it('are not told with weak: false', async () => {
    const { d, give, sent } = await setup(false);
    sent.length = 0;
    let gone = 0;
    const registry = new FinalizationRegistry(() => gone++);
    d.proto!.instance = { take: (fn: object) => registry.register(fn, 0) };
    for (let id = 0; id < 100; id++) give(id);
    while (gone < 100) {
      collect();
      await turns(2);
    }
    await turns(10);
    expect(sent).toEqual([]);
    d.end();
  });
});

describe('functions of ours', () => {
  it('are forgotten when the peer culls them', async () => {
    const { d, give, kept, sent } = await setup();
    const fails: unknown[] = [];
    let calls = 0;
    d.on('fail', (error) => fails.push(error));
    give(0, 'keep');
    (kept[0] as AnyRemote)(() => calls++);
    const id = Number(Object.keys(sent.at(-1).callbacks)[0]);
    d.handle({ method: id });
    d.handle({ method: 'cull', arguments: [id, 'x', null, -1, 7_000] });
    d.handle({ method: id });
    expect(calls).toBe(1);
    expect(fails).toEqual([expect.objectContaining({ code: 'ERR_METHOD' })]);
    d.end();
  });
});

describe('a hundred thousand callbacks on one connection', () => {
  it('leave nothing behind', async () => {
    const server = dnode({ f: (n: number, cb: AnyRemote) => cb(n) });
    const client = dnode();
    client.pipe(server).pipe(client);
    const [remote] = (await once(client, 'remote')) as [AnyRemote];
    const run = async (n: number): Promise<number> => {
      let got = 0;
      for (let i = 0; i < n; i++) {
        remote.f(i, (back: number) => (got += Number(back === i)));
        if (i % 1_000 === 0) await turns(1);
      }
      expect(got).toBe(n);
      for (let i = 0; i < 5; i++) {
        collect();
        await turns(3);
      }
      return process.memoryUsage().heapUsed;
    };
    const before = await run(10_000);
    const after = await run(90_000);
    // Held, each would cost some 300 bytes a side.
    expect(after - before).toBeLessThan(5 * 1024 * 1024);
    client.end();
  }, 30_000);
});
