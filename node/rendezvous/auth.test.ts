import { expect, onTestFinished, test } from 'vitest';
import { rendezvousOf } from '../../src/service/rendezvous.js';
import { nodeRuntime } from '../runtime.js';
import { meet, silent } from './fixtures/meeting.js';

const discoveryOf = (url: string, auth: unknown) => {
  const [discovery] = rendezvousOf({ url, auth }, { logger: silent }, nodeRuntime, undefined);
  if (discovery === undefined) throw new Error('there is none');
  onTestFinished(() => discovery.close());
  return discovery;
};

test('who has the credentials is let in, and who has others is told why not', async () => {
  const { url, stats } = await meet({ authenticate: (auth) => auth === 'sesame' });
  expect(await discoveryOf(url, 'sesame').match?.('^1', ['1.2.0', '2.0.0'])).toEqual([true, false]);
  const stranger = discoveryOf(url, 'barley');
  const reason = new Promise<string | undefined>((resolve) =>
    stranger.onDegraded((why) => resolve(why?.message)),
  );
  const match = stranger.match?.('^1', ['1.2.0']).catch(() => {});
  expect(await reason).toMatch(/credentials were not accepted/);
  expect(stats().clients).toBe(1);
  await stranger.close();
  await match;
});
