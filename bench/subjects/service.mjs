// Ours by name: found by multicast DNS on the loopback interface.
import dservice from 'dservice/node';
import { api } from './api.mjs';

/** Milliseconds on a clock that all processes of this machine share. */
const now = () => performance.timeOrigin + performance.now();

/** Starts a service; resolves with when it was asked to. */
export async function start(name) {
  const began = now();
  await dservice(`${name}@1.0.0`, api, { reach: 'local' }).start();
  return began;
}

/** Waits for a service; resolves with when its first answer came. */
export async function firstAnswer(name) {
  const remote = await dservice({ reach: 'local' }).connect(`${name}@^1`);
  await remote.shout('hello');
  return now();
}
