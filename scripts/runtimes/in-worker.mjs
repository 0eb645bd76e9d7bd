// In a dedicated Worker of a page: runs the one file of tests that its name says, and posts what came of it.
import { startTests } from '@vitest/runner';
import { expect, TestRunner } from 'vitest';

const { file, config } = JSON.parse(self.name);
const faults = [];
const states = { pass: 'passed', fail: 'failed' };

// What vitest's own programs would have set up before a file.
self.__vitest_worker__ = {
  ...{ config, filepath: file, current: undefined, environment: { name: 'worker' } },
  ...{ ctx: { files: [] }, durations: { environment: 0, prepare: 0 }, providedContext: {} },
  ...{ rpc: {}, metaEnv: {}, evaluatedModules: { idToModuleMap: new Map() } },
  ...{ onFilterStackTrace: (stack) => stack, onCancel: () => {}, onCleanup: () => {} },
};
self.process ??= { env: {} };
// A worker that cannot say what it is would run nothing.
if (typeof WorkerGlobalScope === 'undefined' || typeof document !== 'undefined') {
  throw new Error('This is no Worker.');
}

/** vitest's, without what it has in a program of its own: snapshots, traces, somebody who listens. */
class Runner extends TestRunner {
  trace = (_name, attributes, fn = attributes) => fn();
  importFile() {
    return import(`/${file.replace(/\.ts$/, '.js')}`);
  }
  onBeforeRunSuite() {}
  onAfterRunSuite() {}
  getImportDurations() {
    return {};
  }
  onBeforeTryTask(test) {
    const none = { isExpectingAssertions: false, isExpectingAssertionsError: null };
    const any = { expectedAssertionsNumber: null, expectedAssertionsNumberErrorGen: null };
    expect.setState({ assertionCalls: 0, ...none, ...any, currentTestName: test.name });
  }
}

for (const kind of ['error', 'unhandledrejection']) {
  self.addEventListener(kind, (event) => {
    const error = event.reason ?? event.error ?? event.message;
    faults.push(String(error?.stack ?? error));
  });
}

const [ran] = await startTests([{ filepath: file, testLocations: undefined }], new Runner(config));
self.postMessage({ tests: results(ran), faults });

function results(task, names = []) {
  if (task.type === 'test') {
    const { state = task.mode, errors, note } = task.result ?? {};
    const error = errors?.map((each) => each.stack ?? each.message).join('\n');
    return [{ name: names.join(' > '), state: states[state] ?? 'skipped', error, note }];
  }
  const own = (task.result?.errors ?? []).map(({ stack, message }) => ({
    ...{ name: names.join(' > '), state: 'failed', error: stack ?? message },
  }));
  return [...own, ...task.tasks.flatMap((each) => results(each, [...names, each.name]))];
}
