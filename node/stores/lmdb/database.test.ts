import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Database } from './database.js';

const reason = 'what a process has mapped is to be read on Linux alone';

test.skipIf(process.platform !== 'linux')(
  `what grows stays in the map that it was opened with (${reason})`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dservice-map-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const database = new Database(folder);
    const maps = (): string[] =>
      readFileSync('/proc/self/maps', 'utf8')
        .split('\n')
        .filter((line) => line.endsWith(join(folder, 'data.mdb')));
    await database.transact((table) => table.put(Buffer.from('first'), Buffer.from('value')));
    const before = maps();
    expect(before).toHaveLength(1);
    for (let n = 0; n < 20; n++) {
      await database.transact((table) => {
        for (let i = 0; i < 100; i++) table.put(Buffer.from(`${n} ${i}`), Buffer.alloc(10_000));
      });
      expect(database.get(Buffer.from(`${n} 99`))?.length).toBe(10_000);
    }
    expect(maps()).toEqual(before);
    await database.close();
    expect(maps()).toEqual([]);
  },
);
