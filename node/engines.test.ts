import { describe, onTestFinished, test } from 'vitest';
import { type EngineSetup, engineSuite } from '../src/testing/engine-suite.js';
import { dial, serve, sessionOf } from './index.js';
import { nodeRuntime } from './runtime.js';

const logger = { warn: () => {} };

for (const [name, scheme] of [
  ['dnode', 'tcp'],
  ['JSON-RPC', 'http'],
] as const) {
  describe(name, () => {
    engineSuite({
      test,
      scope: nodeRuntime.scope,
      async setup(api, { authenticate, auth, calls }: EngineSetup) {
        const server = await serve(api, {
          ...{ port: 0, logger },
          ...(authenticate && { authenticate }),
          ...(calls === undefined ? {} : { limits: { calls } }),
        });
        onTestFinished(() => server.close());
        const endpoint = (server.endpoints[0] ?? '').replace('tcp', scheme);
        const remote = await dial(endpoint, { logger, auth });
        const call = (method: string): Promise<unknown> =>
          name === 'dnode' ? sessionOf(remote).call(method, []) : remote[method]();
        return {
          ...{ remote, call },
          drain: (ms) => server.drain(ms),
          close: () => server.close(),
          leave: () => remote[Symbol.dispose](),
          teardown: () => server.close(),
        };
      },
    });
  });
}
