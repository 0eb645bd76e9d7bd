/** Data that goes through calls: 64 KiB each, 8 of them in flight. Runs in pages too. */
export const chunk = 64 * 1024;
export const underWay = 8;

/** Letters, each a byte on the wire. */
export function letters() {
  return Array.from({ length: chunk }, (_, i) => String.fromCharCode(97 + ((i * i) % 26))).join('');
}

export function octets(length = chunk) {
  return Uint8Array.from({ length }, (_, i) => (i * i) % 251);
}

/** Sends `total` bytes, and resolves with bytes per second. Throws where not all of a call arrives. */
export async function bulk(client, data, total) {
  let left = total / chunk;
  const start = performance.now();
  const sender = async () => {
    while (left-- > 0) {
      const taken = await client.take(data);
      if (taken !== chunk) throw new Error(`${taken} bytes of ${chunk} arrived`);
    }
  };
  await Promise.all(Array.from({ length: underWay }, sender));
  return total / ((performance.now() - start) / 1000);
}
