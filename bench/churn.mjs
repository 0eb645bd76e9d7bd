const inFlight = 64;

/**
 * `count` calls that each pass a callback of their own, 64 in flight: the callback has been called and the
 * call answered before the next one begins. Resolves with the rate of each `chunk` of calls, in order.
 */
export async function churn(client, count, chunk) {
  const rates = [];
  let begun = 0;
  let done = 0;
  let since = performance.now();
  const caller = async () => {
    while (begun < count) {
      begun++;
      let told;
      const called = new Promise((resolve) => {
        told = resolve;
      });
      await client.tell((word) => told(word));
      await called;
      if (++done % chunk > 0) continue;
      const now = performance.now();
      rates.push(chunk / ((now - since) / 1000));
      since = now;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, caller));
  return rates;
}
