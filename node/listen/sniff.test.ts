import { once } from 'node:events';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { sniff } from './sniff.js';

/** Both ends of a connection. */
async function ends(): Promise<{ near: Socket; far: Socket }> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [far] = (await once(server, 'connection')) as [Socket];
  onTestFinished(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  return { near, far };
}

/** A clock whose timers come when the test says so, however late that is. */
class LateClock extends VirtualClock {
  #timers: (() => void)[] = [];
  #now = 0;
  override now = (): number => this.#now;
  override after = (_: number, fn: () => void): (() => void) => {
    this.#timers.push(fn);
    return () => (this.#timers = this.#timers.filter((each) => each !== fn));
  };
  /** So many ms later, all timers are due. */
  late(ms: number): void {
    this.#now += ms;
    for (const fn of this.#timers.splice(0)) fn();
  }
  get waits(): boolean {
    return this.#timers.length > 0;
  }
}

async function sniffed() {
  const { near, far } = await ends();
  const clock = new LateClock();
  const told: string[] = [];
  sniff(far, clock, (protocol) => told.push(protocol));
  return { near, far, clock, told };
}

test('silence of half a second means an old client', async () => {
  const { clock, told } = await sniffed();
  clock.late(501);
  expect(told).toEqual([]);
  clock.late(1);
  expect(told).toEqual(['dnode']);
  expect(clock.waits).toBe(false);
});

test.each([
  ['a timer that came late: nobody had time to speak', 900],
  ['one that counts from before the connection was there', 3],
])('%s, and it is listened on', async (_, ms) => {
  const { near, far, clock, told } = await sniffed();
  for (let times = 0; times < 3; times++) clock.late(ms);
  expect(told).toEqual([]);
  near.write('GET / HTTP/1.1\r\n');
  await expect.poll(() => told).toEqual(['http']);
  expect(String(far.read())).toBe('GET / HTTP/1.1\r\n');
  expect(clock.waits).toBe(false);
});

test('who is never listened to in time is greeted all the same, in the end', async () => {
  const { clock, told } = await sniffed();
  for (let times = 0; times < 10; times++) clock.late(900);
  expect(told).toEqual(['dnode']);
});
