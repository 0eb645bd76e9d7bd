import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inject } from 'vitest';
import { type Child, type Ended, start } from '../child.js';

/** A folder of a project that has the package installed, where programs run and keep what they keep. */
export class Place {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(): Promise<Place> {
    const folder = join(inject('installed'), `place-${crypto.randomUUID()}`);
    await mkdir(folder);
    return new Place(folder);
  }

  write(name: string, text: string): Promise<void> {
    return writeFile(join(this.folder, name), text);
  }

  /** Writes a program, and starts it there. */
  async runs(name: string, text: string, ...args: string[]): Promise<Child> {
    await this.write(name, text);
    return this.again(name, ...args);
  }

  /** Starts a program that was written before. */
  again(name: string, ...args: string[]): Child {
    return start(process.execPath, [name, ...args], { cwd: this.folder });
  }

  cli(...args: string[]): Child {
    const bin = join(inject('installed'), 'node_modules', '.bin', 'dservice');
    return start(bin, ['queues', ...args], { cwd: this.folder });
  }

  /** What `dservice queues` says of it, as JSON. */
  async json(...args: string[]): Promise<unknown> {
    const { code, out, err } = await this.cli(...args, '--json').ended;
    if (code !== 0) throw new Error(err);
    return JSON.parse(out);
  }

  /** The lines of a file that programs wrote. */
  async lines(name: string): Promise<string[]> {
    const text = await readFile(join(this.folder, name), 'utf8');
    return text.trimEnd().split('\n');
  }
}

/** What the steps of the README call: each leaves a line in a file. */
const effects = `
const effect = async (file, id) => fs.promises.appendFile(file, id + '\\n');
const charge = async (order, id) => { await effect('charged.txt', id); return { ...order, id }; };
const ship = async (order) => { await effect('shipped.txt', order.id); };
`;

/** The lines of the README, word for word. */
const steps = `
const orders = pipeline('orders');                       // embedded store by default
orders.step('charge', async (order, step) => step.next('ship', await charge(order, step.id)), { timeout: '30s', retries: 5 });
orders.step('ship', async (order) => { await ship(order); });
`;

const work = `
await orders.push('charge', { sku: 'a-1' }, { id: 'order-17' });
await orders.start();
`;

const end = `
console.log((await orders.finished('order-17')).state);
await orders.stop();
`;

export const orderModule = `
import fs from 'node:fs';
import { pipeline } from 'dservice/pipeline';
${effects}${steps}${work}${end}`;

export const orderScript = `
const fs = require('fs');
const { pipeline } = require('dservice/pipeline');
${effects}
(async () => {${steps}${work}${end}})();
`;

/** A module of 2013: a constructor. */
export const chargeModule = `
var fs = require('fs');
module.exports = function (logger, pipeline) {
  this.input_queue = 'charge';
  this.execute = function (payload, done) {
    fs.appendFile('charged.txt', payload.id + '\\n', function (err) {
      if (err) return done(err);
      if (payload.attempt === 1) return done(new Error('the line was dead'));
      payload.data.id = payload.id;
      done(null, payload.data, 'ship');
    });
  };
};
`;

/** One that builds and returns its step, and is called without \`new\` as well. */
export const shipModule = `
var fs = require('fs');
module.exports = function Ship(logger, pipeline) {
  var self = { input_queue: 'ship' };
  self.execute = function (payload, done) {
    fs.appendFile('shipped.txt', payload.data.id + '\\n', done);
  };
  return self;
};
`;

export const oldScript = `
var pipeline = require('dservice/pipeline').pipeline;
var orders = pipeline('orders');
orders.step('./charge.js', { backoff: { first: '1ms' } });
orders.step(require('./ship.js'));
orders.push('charge', { sku: 'a-1' }, { id: 'order-17' }).then(function () {
  return orders.start();
}).then(function () {
  return orders.finished('order-17');
}).then(function (ending) {
  console.log(ending.state);
  return orders.stop();
});
`;

/** Pushes so many orders, the same ones each time that it is started, and works until all are finished. */
export const manyOrders = `
import fs from 'node:fs';
import { pipeline } from 'dservice/pipeline';
${effects}
const count = Number(process.argv[2]);
const pause = () => new Promise((resolve) => setTimeout(resolve, 5 + Math.random() * 10));
const orders = pipeline('orders');
orders.step('charge', async (order, step) => {
  const charged = await charge(order, step.id);
  await pause();
  step.next('ship', charged);
}, { timeout: '500ms', retries: 20 });
let shipped = 0;
orders.step('ship', async (order) => {
  await ship(order);
  await pause();
  if (++shipped % 10 === 0) console.log('shipped ' + shipped + ' ');
}, { timeout: '500ms', retries: 20 });
const ids = Array.from({ length: count }, (_, i) => 'order-' + i);
await orders.pushAll(ids.map((id) => ({ queue: 'charge', data: { sku: id }, id })));
await orders.start();
const ended = await Promise.all(ids.map((id) => orders.finished(id)));
console.log('states ' + [...new Set(ended.map(({ state }) => state))]);
await orders.stop();
`;

/** Works on orders, one at a time, each when it is told to; the one called bad fails. */
export const slowWorker = `
import { pipeline } from 'dservice/pipeline';
const orders = pipeline('orders');
let go;
process.on('SIGUSR2', () => go?.());
orders.step('charge', async (order, step) => {
  if (order.bad && step.attempt === 1) step.fail(Object.assign(new Error('no funds'), { code: 'ECARD' }));
  console.log('begins ' + step.id);
  await new Promise((resolve) => (go = resolve));
}, { concurrency: 1 });
await orders.pushAll([
  { queue: 'charge', id: 'order-1', data: { sku: 'a-1', bad: true } },
  { queue: 'charge', id: 'order-2', data: { sku: 'a-2' } },
  { queue: 'charge', id: 'order-3', data: { sku: 'a-3' } },
]);
await orders.start();
process.on('SIGTERM', () => orders.stop());
`;

/** Works until it is told to stop, and writes down what it did. */
export const sharingWorker = `
import fs from 'node:fs';
import { pipeline } from 'dservice/pipeline';
const orders = pipeline('orders');
orders.step('charge', async (order, step) => {
  await new Promise((resolve) => setTimeout(resolve, 20));
  await fs.promises.appendFile('charged.txt', step.id + ' ' + process.pid + '\\n');
}, { concurrency: 2 });
await orders.start();
console.log('works');
process.on('SIGTERM', () => orders.stop());
`;

export const pusher = `
import { pipeline } from 'dservice/pipeline';
const orders = pipeline('orders');
const pushed = await orders.pushAll(Array.from({ length: 100 }, () => ({ queue: 'charge' })));
await Promise.all(pushed.map(({ id }) => orders.finished(id)));
console.log(Object.keys((await orders.counts()).queues).length + ' queues left');
await orders.stop();
`;

/** Waits until that has ended well. */
export async function endsWell(child: Child): Promise<Ended> {
  const ended = await child.ended;
  if (ended.code !== 0 || ended.err !== '') throw new Error(JSON.stringify(ended));
  return ended;
}
