/** Lets everything that is ready run: a macrotask, and the microtasks before it. */
export function settle(): Promise<void> {
  return new Promise(macrotask);
}

/** Calls a function in a macrotask of its own, as soon as there can be one. */
function macrotask(fn: () => void): void {
  // Not in every runtime, and no type of the core's. Where it is, it is the quickest, and in Deno the only one: there
  // a message to oneself may come before microtasks that are ready.
  const { setImmediate } = globalThis as { setImmediate?: (fn: () => void) => unknown };
  if (setImmediate !== undefined) {
    setImmediate(fn);
    return;
  }
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    fn();
  };
  port2.postMessage(null);
}
