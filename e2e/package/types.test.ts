import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';
import { root } from '../../scripts/root.mjs';
import { run } from '../run.js';

const modern = `
import dservice, { codec, serve, dial, DserviceError } from 'dservice';
import type { Remote, RemoteIterable } from 'dservice';
import { connect, dial as dialCalls, options as callOptions, type Remote as CallsRemote } from 'dservice/calls';
import dnode from 'dservice/dnode';
import { otel, type OpenTelemetry } from 'dservice/opentelemetry';
import { pipeline, type Pipeline, type StepContext } from 'dservice/pipeline';

export function observe(api: OpenTelemetry): void {
  const caller = dservice({ observe: [otel(api), { 'call:end': ({ method, duration }) => console.log(method, duration) }] });
  caller.on('connection:open', ({ peer }) => console.log(peer.transport));
  caller.on('state', (state) => console.log(state));
  // @ts-expect-error There is no such event.
  caller.on('call:begin', () => {});
}

export async function finish(): Promise<void> {
  const orders: Pipeline = pipeline('orders', { store: 'memory:', logger: console });
  orders.step('charge', async (order: { sku: string }, step: StepContext) => {
    step.next('ship', { ...order, id: step.id }, { delay: '1s' });
  }, { timeout: '30s', retries: 5, backoff: { first: '1s' }, key: (order: { sku: string }) => order.sku });
  orders.step(function (this: { input_queue: string; execute: unknown }, logger: Console) {
    this.input_queue = 'ship';
    this.execute = (payload: { data: unknown }, done: () => void) => { logger.info(payload.data); done(); };
  });
  const { id, state }: { id: string; state: string } = await orders.push('charge', { sku: 'a' });
  const ending: 'finished' | 'dead' | 'forgotten' = (await orders.finished(id)).state;
  // @ts-expect-error There is no such option.
  await orders.push('charge', {}, { ident: state + ending });
  await orders.stop({ drain: false });
}

class Money {
  #cents = 0;
  plus(other: Money): Money {
    this.#cents += other.#cents;
    return this;
  }
}
const codecs = [codec({ name: 'money', for: Money, encode: () => 0, decode: () => new Money() })];
declare module 'dservice' {
  interface Register {
    codecs: typeof codecs;
  }
}
export async function pays(remote: Remote<{ price(): Money; pay(it: Money): void }>): Promise<Money> {
  await remote.pay(new Money());
  return (await remote.price()).plus(new Money());
}

interface Greeter {
  shout(text: string): string;
  add(a: number, b: number): Promise<number>;
}

interface Flows {
  rows(): AsyncGenerator<{ id: number }>;
  bytes(): ReadableStream<Uint8Array>;
  sink(): WritableStream<Uint8Array>;
  blob(): Promise<Blob>;
  upper(): TransformStream<string, string>;
  file(): import('node:fs').ReadStream;
  take(rows: AsyncIterable<{ id: number }>): void;
}

export async function callOnly(): Promise<void> {
  const remote: CallsRemote<Greeter> = await connect<Greeter>('greeter@^1', { rendezvous: 'wss://example.org' });
  const loud: string = await callOptions(remote, { deadline: 500 }).shout(Promise.resolve('hello'));
  const sum: number = await remote.add(1, 2);
  // @ts-expect-error A number is no text.
  await remote.shout(1);
  // @ts-expect-error Without pipelining, what an outcome has is not there before it.
  remote.shout('x').length.toFixed();
  using other = await dialCalls<Greeter>(new MessageChannel().port1, { auth: loud + String(sum) });
  await other.shout('x');
}

export async function call(): Promise<void> {
  const greeter = dservice('greeter@1.2.0', { shout: (s: string) => s.toUpperCase() });
  await greeter.start();
  const remote: Remote<Greeter> = await dservice().connect<Greeter>('greeter@^1');
  const loud: string = await remote.shout('hello');
  const sum: number = await remote.add(1, 2);
  // @ts-expect-error A number is no text.
  await remote.shout(1);
  // @ts-expect-error The service has no such method.
  await remote.whisper('hello');
  const server = await serve({ shout: (s: string) => s }, { port: 0 });
  server.close();
  const other = await dial<Greeter>('tcp://127.0.0.1:5004');
  const again: string = await other.shout(loud);
  const error = new DserviceError('ERR_NAME', again + String(sum));
  const flows = await dial<Flows>('tcp://127.0.0.1:5004');
  for await (const { id } of await flows.rows()) console.log(id.toFixed());
  const rows: RemoteIterable<{ id: number }> = await flows.rows();
  await rows.return?.();
  const bytes: ReadableStream<Uint8Array> = await flows.bytes();
  const sink: WritableStream<Uint8Array> = await flows.sink();
  await bytes.pipeTo(sink);
  const text: string = await (await flows.blob()).text();
  const { readable, writable } = await flows.upper();
  const both: [ReadableStream<string>, WritableStream<string>] = [readable, writable];
  const file: ReadableStream = await flows.file();
  await flows.take(rows);
  console.log(text, both, file);
  const code: string = error.code;
  console.log(code, dnode);
}

// Inferred types can be named in declarations.
export const serving = serve({ shout: (s: string) => s }, new MessageChannel().port1);
export const connecting = () => dservice().connect<Greeter>('greeter');
export const dialling = () => dial<Greeter>('tcp://127.0.0.1:5004');
`;

const classic = `
import dservice = require('dservice');
import dnode = require('dservice/dnode');
import pipelines = require('dservice/pipeline');
import { serve } from 'dservice';
import type { Remote } from 'dservice';

interface Greeter {
  shout(text: string): string;
}

export const orders: pipelines.Pipeline = pipelines.pipeline('orders', { store: pipelines.memory() });

export async function call(): Promise<void> {
  const remote: dservice.Remote<Greeter> = await dservice().connect<Greeter>('greeter@^1');
  const same: Remote<Greeter> = remote;
  const loud: string = await same.shout('hello');
  // @ts-expect-error A number is no text.
  await remote.shout(1);
  const server = await dservice.serve({ shout: (s: string) => s }, { port: 0 });
  server.close();
  const error: dservice.DserviceError = new dservice.DserviceError('ERR_NAME', loud);
  console.log(error.code, serve === dservice.serve, dnode);
}
`;

const node16 = { module: 'node16', moduleResolution: 'node16', lib: ['ES2023'], types: ['node'] };
const bundler = { module: 'esnext', moduleResolution: 'bundler' };

/** One for each way that TypeScript resolves a package. */
const projects = [
  { name: 'esm', file: 'index.mts', text: modern, options: node16 },
  { name: 'cjs', file: 'index.cts', text: classic, options: node16 },
  { name: 'bundler', file: 'index.ts', text: modern, options: { ...bundler, types: ['node'] } },
  {
    name: 'page',
    file: 'index.ts',
    text: `import dservice, { serve, dial } from 'dservice'; console.log(dservice, serve, dial);`,
    options: { ...bundler, customConditions: ['browser'], types: [] },
  },
];

it.each(projects)('types are there and inferred ($name)', async ({ name, file, text, options }) => {
  const folder = join(inject('installed'), `types-${name}`);
  mkdirSync(folder);
  const compilerOptions = {
    target: 'es2022',
    strict: true,
    declaration: true,
    outDir: 'out',
    skipLibCheck: false,
    ...options,
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [file] }));
  writeFileSync(join(folder, file), text);
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { out, code } = await run(process.execPath, tsc, '-p', folder);
  expect(out).toBe('');
  expect(code).toBe(0);
});
