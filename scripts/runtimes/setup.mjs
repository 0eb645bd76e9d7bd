// Before each file of tests: it runs in the runtime that is meant, and what cannot be run in it is not begun.
import { beforeEach } from 'vitest';
import { relative } from 'node:path';
import { root } from '../root.mjs';
import { entriesOf, matches } from './verdict.mjs';

const { of, is, name } = JSON.parse(process.env.DSERVICE_RUNTIME);
const never = entriesOf(name).filter((entry) => entry.never);
if (process.versions[of] !== is) {
  throw new Error(`meant for ${of} ${is}, and run by ${of} ${process.versions[of]}`);
}

beforeEach(({ task, skip }) => {
  const file = relative(root, task.file.filepath);
  const entry = never.find((each) => matches(each, file, task.fullTestName));
  if (entry !== undefined) skip(entry.reason);
});
