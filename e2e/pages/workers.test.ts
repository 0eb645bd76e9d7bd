import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ownName } from '../child.js';
import { Meeting } from './meeting.js';
import { nodeService } from './programs.js';
import { call, find } from './tabs.js';

let meeting: Meeting;

beforeAll(async () => {
  meeting = await Meeting.open();
});
afterEach(() => meeting.clear());
afterAll(() => meeting.close());

/** Gives a port to a worker of each kind, `port` to the one at `url`. */
const workers = {
  Worker: `new Worker(url).postMessage(0, [port])`,
  SharedWorker: `new SharedWorker(url).port.onmessage = ({ data }) => port.postMessage(data)`,
  'service worker': `
    const { installing } = await navigator.serviceWorker.register(url);
    await new Promise((resolve) => installing.addEventListener('statechange', () => installing.state === 'activated' && resolve()));
    installing.postMessage(0, [port])`,
};

describe.each(Object.entries(workers))('a %s', (_, give) => {
  test('is a member by itself: it calls, and is called', async () => {
    const [node, name] = [ownName('node'), ownName('worker')];
    const service = await meeting.node('beside', nodeService(`${node}@1.2.0`));
    await service.says('started');
    const tab = await meeting.tab();
    const heard = await tab.evaluate(`(async () => {
      const url = '/member.js?who=' + encodeURIComponent('${name}@1.0.0 ${node}@^1');
      const { port1, port2: port } = new MessageChannel();
      const heard = new Promise((resolve) => (port1.onmessage = ({ data }) => resolve(data)));
      ${give};
      return await heard;
    })()`);
    expect(heard).toBe('HELLO');
    await find(tab, `${name}@^1`);
    expect(await call(tab, 'echo', 'to a worker')).toBe('to a worker');
  });
});

test('a SharedWorker holds one connection for all tabs of its origin', async () => {
  const name = ownName('shared');
  const tab = await meeting.tab();
  await tab.evaluate(`(async () => {
    const rendezvous = () => new SharedWorker('/shared.js', { type: 'module' }).port;
    await dservice.default('${name}@1.0.0', { hi: () => 'from the tab' }, { rendezvous }).start();
  })()`);
  const second = await tab.context().newPage();
  await second.goto(meeting.url);
  await second.waitForFunction('globalThis.dservice !== undefined');
  const outcome = await second.evaluate(`(async () => {
    const rendezvous = () => new SharedWorker('/shared.js', { type: 'module' }).port;
    const remote = await dservice.default({ rendezvous }).connect('${name}@^1');
    return await remote.hi();
  })()`);
  expect(outcome).toBe('from the tab');
  // What tests before this one left may still be on its way out.
  await second.waitForFunction(
    `fetch('/rendezvous').then((response) => response.json()).then(({ clients }) => clients === 1)`,
  );
  // And beyond: a Node program that knows the rendezvous alone.
  const caller = await meeting.node(
    'beyond',
    `const remote = await dservice(quiet).connect(args[0]);
     console.log('hears ' + (await remote.hi()));
     process.exit();`,
    name,
  );
  await caller.says('hears from the tab');
});

test('a thousand callbacks in flight over a Worker', async () => {
  const tab = await meeting.tab();
  const came = await tab.evaluate(`(async () => {
    const remote = await dservice.dial(new Worker('/worker.js', { type: 'module' }));
    const seen = [];
    const answers = await remote.burst(1_000, (n) => seen.push(n));
    return [seen.length, answers.at(-1)];
  })()`);
  expect(came).toEqual([1_000, 1_000]);
});
