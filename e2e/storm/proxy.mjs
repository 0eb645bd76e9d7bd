// A proxy in the storm, which is slow, holds all back, or breaks off, as it is told line by line.
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';

/** `[port, host]`: what comes at the port goes to the same port of the host. */
const places = JSON.parse(process.argv[2] ?? '');
const pairs = new Set();
let delay = 0;
let held = false;
/** What waits until it goes on. */
const waiting = [];
const passed = () => (held ? new Promise((resolve) => waiting.push(resolve)) : undefined);

/** Hands on what comes, late by as much as it is now, in its order. */
async function carry(from, to) {
  let last = 0;
  for await (const data of from) {
    last = Math.max(last, performance.now() + delay);
    const left = last - performance.now();
    if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
    await passed();
    if (!to.write(data))
      await new Promise((resolve) => to.once('drain', resolve).once('close', resolve));
  }
}

for (const [port, host] of places) {
  const server = createServer((near) => {
    const far = connect(port, host);
    const pair = [near, far];
    pairs.add(pair);
    const end = () => {
      for (const socket of pair) socket.destroy();
      pairs.delete(pair);
    };
    for (const socket of pair) socket.setNoDelay().on('error', end).on('close', end);
    // What breaks off here was broken off.
    carry(near, far).catch(end);
    carry(far, near).catch(end);
  });
  await new Promise((resolve) => server.listen(port, '0.0.0.0', resolve));
}
console.log('up');

const orders = {
  delay: (ms) => (delay = Number(ms)),
  hold: () => (held = true),
  pass() {
    held = false;
    for (const go of waiting.splice(0)) go();
  },
  cut() {
    for (const pair of pairs) for (const socket of pair) socket.resetAndDestroy();
  },
};
for await (const line of createInterface({ input: process.stdin })) {
  const [order, ...args] = line.split(' ');
  orders[order](...args);
}
