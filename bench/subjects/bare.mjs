// What every bare subject speaks: `[id, method, argument]` there, `[id, outcome]` back. No errors, no deadlines.
import { api } from './api.mjs';

/** The answer to one call. */
export function answer([id, method, argument]) {
  return [id, api[method](argument)];
}

/** The calling side, over `send`, which takes a call; `settle` takes an answer. */
export function makeCaller(send) {
  const waiting = new Map();
  let last = 0;
  const call = (method, argument) =>
    new Promise((resolve) => {
      waiting.set(++last, resolve);
      send([last, method, argument]);
    });
  return {
    settle([id, outcome]) {
      waiting.get(id)(outcome);
      waiting.delete(id);
    },
    shout: (text) => call('shout', text),
    echo: (object) => call('echo', object),
  };
}
