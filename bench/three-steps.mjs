// What goes through pipelines here: three steps that do nothing. Runs in pages too.

export const queues = ['first', 'second', 'third'];

/** 20 bytes of JSON. */
export function command(n) {
  return { order: 1_000_000_000 + n };
}

/** How commands go through: how many in work at once per step, and of all steps together. */
export const ways = {
  per32: { title: '32 per step', perStep: 32 },
  per1: { title: 'one per step', perStep: 1 },
  all32: { title: '32 in all', perStep: 32, inAll: 32 },
  keys32: { title: '32 per step, a key each', perStep: 32, keys: Infinity },
  busy32: { title: '32 per step, of 1,000 keys', perStep: 32, keys: 1_000 },
  single: { title: 'one command at a time', perStep: 1, single: true },
};
