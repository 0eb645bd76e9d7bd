import { expect, test } from 'vitest';
import { ownName, start } from '../child.js';
import { program } from '../run.js';

const shop = `
  import dservice, { context } from 'dservice';
  const authorize = ({ meta }) => meta.given?.token === 't-1';
  const stock = { given: () => context().meta.given ?? null };
  const service = dservice(process.argv[2], {
    ...stock,
    further: async () => (await other).given(),
  }, { authorize });
  const other = dservice().connect(process.argv[3]);
  const free = dservice(process.argv[3], stock);
  await Promise.all([service.start(), free.start()]);
  console.log('at ' + service.endpoints.at(-1).replace('tcp:', 'http:') + ' ');`;

const caller = `
  import dservice, { batch, options } from 'dservice';
  const [name, url] = process.argv.slice(2);
  const call = (call, next) => next({ options: { meta: { ...call.options.meta, id: 7 } } });
  const s = dservice();
  const remote = await s.connect(name, { intercept: { call } });
  const meta = { token: 't-1', tenant: 'Müller' };
  const say = async (what, promise) =>
    console.log(what + ' ' + JSON.stringify(await promise.catch(({ code, mayHaveRun }) => [code, mayHaveRun])));
  await say('service', options(remote, { meta }).given());
  await say('without', remote.given());
  await say('large', options(remote, { meta: { ...meta, text: 'x'.repeat(10_000) } }).given());
  await say('further', options(remote, { meta }).further());
  await say('batch', options(batch(url), { meta }).given());
  s.stop();`;

test('what a caller hands along arrives with its call, is asked for by who authorizes, and goes no further', async () => {
  const [name, other] = [ownName('shop'), ownName('stock')];
  const serving = start(process.execPath, [await program('meta-shop.mjs', shop), name, other]);
  const url = (await serving.says(/at http:\S+ /)).trim().slice('at '.length);
  const calling = start(process.execPath, [await program('meta-caller.mjs', caller), name, url]);
  const { out: said, err } = await calling.ended;
  expect(err).toBe('');
  expect(said).toContain('service {"token":"t-1","tenant":"Müller","id":7}');
  expect(said).toContain('without ["ERR_FORBIDDEN",false]');
  expect(said).toContain('large ["ERR_LIMIT",false]');
  expect(said).toContain('further null');
  expect(said).toContain('batch {"token":"t-1","tenant":"Müller"}');
});
