import { expect, test } from 'vitest';
import dservice, { context } from './index.js';

const meet = () =>
  new SharedWorker('/browser/fixtures/rendezvous.ts', { type: 'module', name: 'meet' }).port;
const logger = { warn: () => {} };

test('tabs of one origin meet in a SharedWorker, without any server', async () => {
  const heard: string[] = [];
  const tab = dservice(
    'tab@1.2.0',
    {
      shout: (text: string) => text.toUpperCase(),
      who: () => context().peer.transport,
      tell: async (say: (text: string) => Promise<void>) => {
        for (const text of ['one', 'two', 'three']) await say(text);
      },
    },
    { rendezvous: meet, logger },
  );
  await tab.start();
  const caller = dservice({ rendezvous: meet, logger });
  const remote = await caller.connect('tab@^1');
  expect(await remote.shout('hello')).toBe('HELLO');
  expect(await remote.who()).toBe('relay');
  await remote.tell((text: string) => heard.push(text));
  expect(heard).toEqual(['one', 'two', 'three']);
  await expect(caller.connect('tab@^2', { wait: 300 })).rejects.toMatchObject({
    code: 'ERR_NO_INSTANCE',
  });
  await expect(caller.connect('tab@1 to 2')).rejects.toMatchObject({ code: 'ERR_RANGE' });
  await tab.stop();
  await caller.stop();
});

test('what is no place of a rendezvous is said at once', () => {
  for (const rendezvous of ['', 'nowhere', 'ftp://x.example', 7, []]) {
    // Not what the types allow.
    const options = { rendezvous: rendezvous as string };
    expect(() => dservice(options).discovery).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION' }),
    );
  }
});
