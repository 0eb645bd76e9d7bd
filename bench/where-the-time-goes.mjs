import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { startPair } from './attachments.mjs';
import { subjects } from './subjects/index.mjs';
import { object } from './work.mjs';

/** What is encoded and decoded: as ours stands in a line, and as the bare subjects have it. */
export const messages = {
  'the call with five letters': { method: 'shout', args: ['hello'] },
  'the 10 KB object': { method: 'echo', args: [object] },
};

/** Whose traffic is counted. */
export const counted = ['ours-tcp', 'bare-tcp'].map((name) => {
  return subjects.find((it) => it.name === name);
});

/**
 * The codec by itself, beside bare JSON, in ns for a message: `codec[message] = { encode, stringify, decode, parse }`, one
 * figure a round each; and what 1,000 calls are on the wire, 64 in flight, from the client's side: `traffic[subject]`.
 */
export async function measureWhereTheTimeGoes({ rounds, ms, warmUp }) {
  const { encode, decode, plainJson, defaultLimits: limits } = await loadCodec();
  // Nothing in them is a function or stands for one.
  const functions = {};
  const options = { extended: true, stacks: false, limits, plainJson };
  const codec = {};
  for (const [title, { method, args }] of Object.entries(messages)) {
    const line = `{"method":"${method}","arguments":${encode(args, functions, options)},"reply":1000}`;
    const bare = JSON.stringify([1000, method, args[0]]);
    const tasks = {
      encode: () => encode(args, functions, options).length,
      stringify: () => JSON.stringify(args).length,
      decode: () => decode(JSON.parse(line), functions, options).length,
      parse: () => JSON.parse(bare).length,
    };
    const figures = Object.fromEntries(Object.keys(tasks).map((task) => [task, []]));
    for (const run of Object.values(tasks)) nanoseconds(run, warmUp);
    for (let round = 0; round < rounds; round++) {
      for (const [task, run] of Object.entries(tasks)) figures[task].push(nanoseconds(run, ms));
    }
    codec[title] = figures;
  }
  const traffic = {};
  for (const subject of counted) {
    const { client, server, endpoint } = await startPair(subject);
    await client.ask('measure', endpoint, 'c64', warmUp);
    traffic[subject.name] = await client.ask('traffic', endpoint, ms);
    await Promise.all([client.end(), server.end()]);
  }
  return { codec, traffic };
}

/** ns that one run takes. */
function nanoseconds(run, ms) {
  const start = performance.now();
  let [runs, sum, now] = [0, 0, start];
  for (; now - start < ms; now = performance.now()) {
    for (let i = 0; i < 50; i++) sum += run();
    runs += 50;
  }
  // So that none of it can be left out.
  if (sum <= 0) throw new Error('nothing was encoded');
  return ((now - start) * 1e6) / runs;
}

/** The package does not export its codec: it is built of its sources, as the package is. */
async function loadCodec() {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const { outputFiles } = await build({
    stdin: {
      contents: `
        export { encode } from './src/protocol/encode.js';
        export { decode } from './src/protocol/decode.js';
        export { plainJson } from './src/protocol/quick.js';
        export { defaultLimits } from './src/limits.js';
      `,
      resolveDir: root,
    },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    logLevel: 'error',
  });
  return import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
}
