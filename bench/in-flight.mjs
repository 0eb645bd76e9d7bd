/** Calls with `count` under way all the time, for `ms`; resolves with how many, in how many seconds. Runs in pages too. */
export async function inFlight(count, ms, call) {
  const start = performance.now();
  let done = 0;
  let over = false;
  const caller = async () => {
    while (!over) {
      await call();
      // Asking for the time at each call would be measured too.
      if (++done % 16 === 0) over = performance.now() - start >= ms;
    }
  };
  await Promise.all(Array.from({ length: count }, caller));
  return { calls: done, seconds: (performance.now() - start) / 1000 };
}
