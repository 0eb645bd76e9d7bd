import { known } from './known.mjs';

/** The entries for a runtime. */
export function entriesOf(runtime) {
  return known.filter(({ runtimes }) => runtimes.includes(runtime));
}

export function matches({ file, test }, inFile, name) {
  return file === inFile && (typeof test === 'string' ? test === name : test?.test(name) === true);
}

/**
 * What the outcomes of a runtime's tests come to: `{ passed, failures, skipped }`, where `failures` are lines, and
 * `skipped` is a map of reasons to how many.
 *
 * @param outcomes `{ modules: [{ file, tests: [{ name, state, note, error }], errors }], errors }`
 */
export function verdict(runtime, outcomes) {
  const entries = entriesOf(runtime);
  const met = new Set();
  const failures = [];
  const skipped = new Map();
  const skip = (reason) => skipped.set(reason, (skipped.get(reason) ?? 0) + 1);
  let passed = 0;
  for (const { file, tests, errors } of outcomes.modules) {
    for (const { name, state, note, error } of tests) {
      const entry = entries.find((each) => matches(each, file, name));
      met.add(entry);
      if (state === 'skipped') skip(entry?.reason ?? note ?? `by the test itself: ${file}`);
      else if (state === 'passed' && entry !== undefined) {
        failures.push(`${file} > ${name}\nIt passes: scripts/runtimes/known.mjs says it does not.`);
      } else if (state === 'passed') passed += 1;
      else if (entry === undefined) failures.push(`${file} > ${name}\n${error}`);
      else skip(entry.reason);
    }
    for (const error of errors) failures.push(`${file}\n${error}`);
  }
  for (const error of outcomes.errors) failures.push(`outside of any test\n${error}`);
  const files = new Set(outcomes.modules.map(({ file }) => file));
  for (const entry of entries) {
    if (entry.test === undefined) skip(entry.reason);
    else if (files.has(entry.file) && !met.has(entry)) {
      failures.push(
        `${entry.file} > ${entry.test}\nThere is no such test: scripts/runtimes/known.mjs`,
      );
    }
  }
  return { passed, failures, skipped };
}
