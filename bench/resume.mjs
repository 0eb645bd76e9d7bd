import { startProcess } from './process.mjs';
import { resumed } from './subjects/index.mjs';

/** Calls that wait, callbacks that are awaited and how large, and how long the two are apart, in ms. */
export const amount = { calls: 10_000, callbacks: 5_000, bytes: 10_000, away: 5_000 };

/**
 * What becomes of calls and callbacks whose connection is cut for a while: how many came back, how many came
 * or ran not once, and ms from the moment there is a way again until the last.
 */
export async function measureResume() {
  const [server, caller] = await Promise.all([startProcess(resumed), startProcess(resumed)]);
  const endpoint = await server.ask('run', 'serveAll');
  await caller.ask('run', 'callAll', endpoint, amount);
  const outcome = caller.ask('run', 'outcome');
  const notOnce = await server.ask('run', 'answerAll', amount.calls);
  const result = { ...(await outcome), notOnce };
  await Promise.all([server.end(), caller.end()]);
  return result;
}
