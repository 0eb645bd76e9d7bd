import { chunk, octets } from './bulk.mjs';
import { churn } from './churn.mjs';
import { inFlight } from './in-flight.mjs';
import { makeProfiler } from './profile.mjs';
import { countTraffic, watchWire } from './wire.mjs';
import { check, work } from './work.mjs';

/** What a process of the benchmark can be asked to do. Each task gets its subject, and what the parent sent. */
export const tasks = {
  /** Serves, and says where. */
  async serve({ module, subject }) {
    const { endpoint } = await module.serve(subject.path);
    return endpoint;
  },

  /** Calls per second of one piece of work, on a connection of its own, and the CPU time that each took here, in µs. */
  async measure({ module, subject }, endpoint, name, ms) {
    const client = await module.connect(endpoint);
    try {
      await check(client);
      const before = process.cpuUsage();
      const { calls, seconds } = await work[name].run(client, ms, {
        burst: subject.burst ?? 5_000,
      });
      const { user, system } = process.cpuUsage(before);
      return { rate: calls / seconds, calls, cpu: user + system };
    } finally {
      await client.close();
    }
  },

  /**
   * Bytes per second, each way, of a Uint8Array that comes back, one after the other, on a connection of its own; and bytes
   * on the wire for each of them.
   */
  async echoBytes({ module }, endpoint, size, ms) {
    const wire = watchWire();
    const client = await module.connect(endpoint);
    const bytes = octets(size);
    try {
      const before = wire.bytes();
      const { calls, seconds } = await inFlight(1, ms, async () => {
        const { length } = await client.echo(bytes);
        if (length !== size) throw new Error(`${length} bytes of ${size} came back`);
      });
      const passed = wire.bytes() - before;
      return { rate: (calls * size) / seconds, wire: passed / (2 * calls * size) };
    } finally {
      wire.end();
      await client.close();
    }
  },

  /**
   * Bytes per second of a stream of `total` bytes, `down` from the server or `up` to it, until all of them are read; and
   * bytes on the wire for each.
   */
  async stream({ module }, endpoint, way, total) {
    const wire = watchWire();
    const client = await module.connect(endpoint);
    try {
      // What has only to be made once.
      await client[way](chunk);
      const before = wire.bytes();
      const start = performance.now();
      const size = await client[way](total);
      const seconds = (performance.now() - start) / 1000;
      if (size !== total) throw new Error(`${size} bytes of ${total} arrived`);
      return { rate: total / seconds, wire: (wire.bytes() - before) / total };
    } finally {
      wire.end();
      await client.close();
    }
  },

  /** What 1,000 calls are on the wire, from this side, 64 in flight: `{ writes, reads, lines, sent, got }`. */
  async traffic({ module }, endpoint, ms) {
    const wire = watchWire();
    const client = await module.connect(endpoint);
    try {
      await check(client);
      const counts = countTraffic(wire.sockets[0]);
      const { calls } = await work.c64.run(client, ms);
      return Object.fromEntries(
        Object.entries(counts).map(([what, times]) => [what, (times * 1000) / calls]),
      );
    } finally {
      wire.end();
      await client.close();
    }
  },

  /** Calls that each pass a fresh callback, on one session. */
  async churn({ module }, endpoint, count, chunk) {
    const client = await module.connect(endpoint);
    kept.push(client);
    return churn(client, count, chunk);
  },

  /** Milliseconds from nothing to a first answer: the median of `count` connections, one after the other. */
  async setup({ module }, endpoint, count) {
    const times = [];
    for (let i = 0; i < count; i++) {
      const start = performance.now();
      const client = await module.connect(endpoint);
      await client.shout('hello');
      times.push(performance.now() - start);
      await client.close();
    }
    return times.sort((a, b) => a - b)[count >> 1];
  },

  /** Opens sessions, so many at a time, and keeps them. */
  async open({ module }, endpoint, count, atOnce = 1) {
    let left = count;
    const opener = async () => {
      while (left-- > 0) {
        // A server that is too busy to read takes who is silent for a plain dnode of old, and greets: once more then.
        const client = await module.connect(endpoint).catch(() => module.connect(endpoint));
        await client.shout('hello');
        kept.push(client);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, opener));
  },

  /** One call on each session that is open, at once: how many were answered, in how many ms. */
  async callAll() {
    const start = performance.now();
    const answers = await Promise.all(kept.map((client) => client.shout('hello')));
    const ms = performance.now() - start;
    return { answered: answers.filter((it) => it === 'HELLO').length, ms };
  },

  async closeAll() {
    for (const client of kept.splice(0)) await client.close();
  },

  /** What is left when all is closed, where the subject can tell. */
  left: ({ module }) => module.left?.(),

  /** CPU time that this process has used, in µs. */
  cpu() {
    const { user, system } = process.cpuUsage();
    return user + system;
  },

  start: ({ module }, name) => module.start(name),

  firstAnswer: ({ module }, name) => module.firstAnswer(name),

  /** What the subject can do beside that. */
  run: ({ module }, name, ...args) => module[name](...args),

  collect: () => globalThis.gc(),

  /** Bytes in use. */
  memory() {
    const { heapUsed, external, rss } = process.memoryUsage();
    return { heap: heapUsed + external, rss };
  },

  profile: () => profiler.begin(),

  saveProfile: (_, file) => profiler.save(file),
};

/** Clients that stay open between tasks. */
const kept = [];

const profiler = makeProfiler();
