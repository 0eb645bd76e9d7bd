// What instances serve in the storm: in processes and in tabs.

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** `service()` is who serves it. Whatever runs is given to `write` before anything else is done. */
export function apiOf(service, write) {
  const own = () => ({ instance: service().id, version: service().version });
  const run = (call) => write({ call, ...own(), at: performance.timeOrigin + performance.now() });
  return {
    async work(call, ms) {
      run(call);
      await pause(ms);
      return own();
    },
    /** Asks its caller back, once. */
    async ask(call, ms, back) {
      run(call);
      await pause(ms);
      await back(call);
      return own();
    },
  };
}
