// What a process of the benchmark can be asked to do. Each gets its subject, and what the parent sent.
import { check, work } from './work.mjs';

/** Serves, and says where. */
export async function serve({ module, subject }) {
  const { endpoint } = await module.serve(subject.path);
  return endpoint;
}

/** Calls per second of one piece of work, on a connection of its own. */
export async function measure({ module, subject }, endpoint, name, ms) {
  const client = await module.connect(endpoint);
  try {
    await check(client);
    return await work[name].run(client, ms, { burst: subject.burst ?? 5_000 });
  } finally {
    await client.close();
  }
}

/** Bytes of heap in use, after a collection. */
export async function heap() {
  // What one collection lets go (a finalizer's work, a cull) the next ones find.
  for (let i = 0; i < 4; i++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return process.memoryUsage().heapUsed;
}

/** Ends so that a CPU profile is written. */
export function quit() {
  setImmediate(() => process.exit());
}
