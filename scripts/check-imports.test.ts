import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, it } from 'vitest';

const made: string[] = [];
afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true });
});

/** Checks a project of these files; gives the exit code and what was found. */
function check(files: Record<string, string>): { code: number | null; faults: string[] } {
  const root = mkdtempSync(join(tmpdir(), 'imports-'));
  made.push(root);
  const manifest = {
    name: 'dservice',
    dependencies: { ws: '8', semver: '7' },
    devDependencies: { vitest: '4', 'fast-check': '4', dnode: '1' },
  };
  const all: Record<string, string> = { 'package.json': JSON.stringify(manifest), ...files };
  for (const [file, text] of Object.entries(all)) {
    mkdirSync(join(root, dirname(file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
  const run = spawnSync(process.execPath, [join(import.meta.dirname, 'check-imports.mjs'), root], {
    encoding: 'utf8',
  });
  return { code: run.status, faults: run.stderr.split('\n').filter(Boolean) };
}

it('accepts what the table allows', () => {
  const { code, faults } = check({
    'src/protocol/session.ts': `
      import { DserviceError } from '../errors.js';
      import type { Channel } from '../channel/channel.js';
      import { encode } from './encode.js';
      // import { a } from '../../node/tcp.js';`,
    'src/service/range.ts': `import satisfies from 'semver/functions/satisfies.js';`,
    'src/service/service.ts': `import { Session } from '../protocol/session.js';`,
    'src/protocol/session.test.ts': `
      import fc from 'fast-check';
      import { memoryPair } from '../channel/memory.js';`,
    'node/tcp.ts': `
      import net from 'node:net';
      import { WebSocket } from 'ws';
      import { encode } from '../src/protocol/encode.js';`,
    'node/tcp.test.ts': `import dnode from 'dnode';`,
    'e2e/call.test.ts': `import dservice from 'dservice'; import { serve } from 'dservice/node';`,
  });
  expect(faults).toEqual([]);
  expect(code).toBe(0);
});

it.each([
  ['src/protocol/a.ts', `import { pair } from '../channel/memory.js';`, 'types alone'],
  ['src/protocol/a.ts', `import type { Record } from '../discovery/record.js';`, 'may import from'],
  ['src/protocol/a.ts', `export { x } from '../service/service.js';`, 'may import from'],
  ['src/protocol/a.ts', `import net from 'node:net';`, 'nothing of Node'],
  ['src/protocol/a.ts', `import { EventEmitter } from 'events';`, 'nothing of Node'],
  ['src/protocol/a.test.ts', `import fs from 'node:fs';`, 'nothing of Node'],
  ['src/protocol/a.ts', `import semver from 'semver';`, 'no package'],
  ['src/service/a.ts', `import semver from 'semver';`, 'no package'],
  ['src/service/range.ts', `import { WebSocket } from 'ws';`, 'only semver'],
  ['src/channel/a.ts', `import { Session } from '../protocol/session.js';`, 'may import from'],
  ['src/channel/a.ts', `type A = import('../protocol/session.js').Session;`, 'may import from'],
  ['src/discovery/a.ts', `import { dservice } from '../service/service.js';`, 'may import from'],
  ['src/errors.ts', `import { Session } from './protocol/session.js';`, 'may import from'],
  ['src/service/a.ts', `const m = await import('../../node/mdns.js');`, 'may import from'],
  ['node/a.ts', `import { rtc } from '../browser/rtc.js';`, 'may import from'],
  ['node/a.ts', `import dnode from 'dnode';`, 'of packages only'],
  ['browser/a.ts', `import { tcp } from '../node/tcp.js';`, 'may import from'],
  ['browser/a.ts', `import\n  {\n  a\n}\nfrom 'ws';`, 'only simple-peer'],
  ['e2e/a.test.ts', `import { encode } from '../src/protocol/encode.js';`, 'may import from'],
  ['demo/a.mjs', `import { encode } from '../dist/node/index.js';`, 'may import from'],
  ['bench/a.cjs', `const d = require('../node/index.js');`, 'may import from'],
])('refuses in %s: %s', (file, text, reason) => {
  const { code, faults } = check({ [file]: text });
  expect(faults).toHaveLength(1);
  expect(faults[0]).toContain(file);
  expect(faults[0]).toContain(reason);
  expect(code).toBe(1);
});
