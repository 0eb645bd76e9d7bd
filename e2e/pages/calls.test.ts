import type { Page } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Child, ownName } from '../child.js';
import { Meeting } from './meeting.js';
import { serve } from './tabs.js';

let meeting: Meeting;

beforeAll(async () => {
  meeting = await Meeting.open();
});
afterEach(() => meeting.clear());
afterAll(() => meeting.close());

/** A program that serves, by the rendezvous or as its options say. */
async function service(name: string, which: string, options = 'quiet'): Promise<Child> {
  const child = await meeting.node(
    `calls-${which}`,
    `const service = dservice('${name}@1.2.0', {
       which: () => '${which}',
       echo: (value) => value,
       burst: async (to, each) => {
         const all = [];
         for (let n = 0; n < to; n++) all.push(each(n));
         return (await Promise.all(all)).length;
       },
       wait: () => new Promise(() => {}),
     }, ${options});
     await service.start();
     console.log('started');`,
  );
  await child.says('started');
  return child;
}

/** Connects in the page, by `dservice/calls`, to the rendezvous of its own origin. */
const connect = (tab: Page, query: string): Promise<unknown> =>
  tab.evaluate(`calls.connect('${query}').then((remote) => { tab.remote = remote; })`);

describe('a page that only calls', () => {
  test('calls a program: values, callbacks, errors', async () => {
    const name = ownName('calls');
    await service(name, 'one');
    const tab = await meeting.tab();
    await connect(tab, `${name}@^1`);
    expect(
      await tab.evaluate(`(async () => {
        const { remote } = tab;
        const value = { at: new Date(7), list: [new Set([1n])], bytes: new Uint8Array(3_000).fill(7) };
        const back = await remote.echo(value);
        const came = [];
        const answered = await remote.burst(1_000, (n) => { came.push(n); return n; });
        const late = await calls.options(remote, { deadline: 50 }).wait().catch(({ code, mayHaveRun }) => [code, mayHaveRun]);
        const none = await remote.none().catch(({ code, mayHaveRun }) => [code, mayHaveRun]);
        return [back.at.getTime(), [...back.list[0]].map(String), back.bytes.length, came.length, answered, late, none];
      })()`),
    ).toEqual([7, ['1'], 3_000, 1_000, 1_000, ['ERR_DEADLINE', true], ['ERR_METHOD', false]]);
  });

  test('calls one that is known by multicast DNS alone, and one in another tab', async () => {
    const [node, page] = [ownName('node'), ownName('page')];
    await service(node, 'multicast', '{ port: 0 }');
    const [other, tab] = [await meeting.tab(), await meeting.tab()];
    await serve(other, `${page}@2.0.0`);
    await connect(tab, `${node}@^1`);
    expect(await tab.evaluate('tab.remote.which()')).toBe('multicast');
    await connect(tab, `${page}@2.x`);
    expect(await tab.evaluate('tab.remote.echo([1, 2])')).toEqual([1, 2]);
    expect(await tab.evaluate('tab.remote.who()')).toMatchObject({ transport: 'relay' });
  });

  test('goes on with another instance when one is killed, and when the rendezvous restarts', async () => {
    const name = ownName('two');
    const first = await service(name, 'first');
    const tab = await meeting.tab();
    await connect(tab, name);
    expect(await tab.evaluate('tab.remote.which()')).toBe('first');
    await service(name, 'second');
    // Until both are known.
    await tab.waitForFunction(`tab.remote.which().then((which) => which === 'second')`);
    first.kill('SIGKILL');
    await first.ended;
    const out = `Promise.all(Array.from({ length: 20 }, () => calls.options(tab.remote, { idempotent: true }).which()))`;
    expect(new Set(await tab.evaluate<string[]>(out))).toEqual(new Set(['second']));
    meeting.rendezvous.kill('SIGTERM');
    await meeting.rendezvous.ended;
    await meeting.startRendezvous();
    expect(new Set(await tab.evaluate<string[]>(out))).toEqual(new Set(['second']));
    const third = await service(name, 'third');
    await tab.waitForFunction(`tab.remote.which().then((which) => which === 'third')`);
    expect(third.ended).toBeInstanceOf(Promise);
  });

  test('dials a worker over its port, and an address', async () => {
    const tab = await meeting.tab();
    expect(
      await tab.evaluate(`(async () => {
        const worker = new Worker('/worker.js', { type: 'module' });
        const remote = await calls.dial(worker);
        const came = [];
        return [(await remote.burst(100, (n) => came.push(n))).length, came.length];
      })()`),
    ).toEqual([100, 100]);
    expect(await tab.evaluate(`calls.dial('ws://127.0.0.1:1').catch(({ code }) => code)`)).toBe(
      'ERR_CONNECT',
    );
  });
});
