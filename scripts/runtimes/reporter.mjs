// A reporter of vitest's: writes what came of each test to the file that DSERVICE_OUTCOMES names, for run.mjs.
import { writeFileSync } from 'node:fs';

export default class OutcomesReporter {
  onTestRunEnd(modules, unhandled) {
    const outcomes = {
      modules: modules.map((module) => ({
        file: module.relativeModuleId,
        tests: [...module.children.allTests()].map(outcome),
        errors: texts([...module.errors(), ...suiteErrors(module)]),
      })),
      errors: texts(unhandled),
    };
    writeFileSync(process.env.DSERVICE_OUTCOMES, JSON.stringify(outcomes));
  }
}

function outcome(test) {
  const { state, errors = [], note } = test.result();
  return { name: test.fullName, state, note, error: texts(errors).join('\n') };
}

function suiteErrors(module) {
  return [...module.children.allSuites()].flatMap((suite) => suite.errors());
}

function texts(errors) {
  return errors.map(({ stack, message }) => String(stack ?? message));
}
