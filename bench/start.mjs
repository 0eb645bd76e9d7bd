import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { median } from './figures.mjs';
import { startProcess } from './process.mjs';
import { service } from './subjects/index.mjs';

/** Milliseconds from `start()` of a service to the first answer in a program that waits for it: `{ ms, all }`. */
export async function measureStart({ starts }) {
  const all = [];
  for (let i = 0; i < starts; i++) {
    const [caller, server] = await Promise.all([startProcess(service), startProcess(service)]);
    const name = `bench-${randomUUID().slice(0, 8)}`;
    const answered = caller.ask('firstAnswer', name);
    // So that it has looked, found nothing, and waits.
    await setTimeout(500);
    const began = await server.ask('start', name);
    all.push((await answered) - began);
    await Promise.all([caller.end(), server.end()]);
  }
  return { ms: median(all), all };
}
