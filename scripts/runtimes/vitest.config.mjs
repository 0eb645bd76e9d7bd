// Files of tests in another runtime; run.mjs says which files and where.
import { defineConfig } from 'vitest/config';
import { root } from '../root.mjs';

const { pool, include } = JSON.parse(process.env.DSERVICE_RUNTIME);

export default defineConfig({
  root,
  test: {
    ...{ pool, include },
    // Where it is a process, which has flags of its own.
    execArgv: pool === 'forks' ? ['--expose-gc'] : [],
    setupFiles: ['scripts/runtimes/setup.mjs'],
    maxWorkers: '100%',
    // No test leaves anything to the next, in files or out of them, and loading all anew for each file takes longer
    // than many a file.
    isolate: false,
    retry: 0,
    testTimeout: 20_000,
  },
});
