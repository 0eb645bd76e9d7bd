import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Browser, Page } from './browser.js';
import { engines } from './engines.js';
import { callingBack, serving } from './programs.js';
import { openSite, type Site } from './site.js';

let site: Site;
beforeAll(async () => {
  site = await openSite();
});
afterAll(() => site.close());

describe.each(engines)('%s', (_, { launch, webRtc }) => {
  let browser: Browser | undefined;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  /** A page of the test's own, closed with it. */
  async function open(): Promise<Page> {
    const page = await browser!.open(site.url);
    onTestFinished(() => page.close());
    return page;
  }

  test(`has ${webRtc ? '' : 'no '}WebRTC`, async () => {
    const page = await open();
    expect(await page.evaluate(`return typeof RTCPeerConnection === 'function';`)).toBe(webRtc);
  });

  if (webRtc)
    test('two peers of a page connect without anybody outside', async () => {
      const page = await open();
      const hello = await page.evaluate(`
      const [a, b] = [new RTCPeerConnection(), new RTCPeerConnection()];
      for (const [one, other] of [[a, b], [b, a]]) {
        one.onicecandidate = ({ candidate }) => candidate && other.addIceCandidate(candidate);
      }
      const ours = a.createDataChannel('test');
      const heard = new Promise((resolve) => {
        b.ondatachannel = ({ channel }) => { channel.onmessage = ({ data }) => resolve(data); };
      });
      ours.onopen = () => ours.send('hello');
      await a.setLocalDescription();
      await b.setRemoteDescription(a.localDescription);
      await b.setLocalDescription();
      await a.setRemoteDescription(b.localDescription);
      const data = await heard;
      a.close();
      b.close();
      return data;`);
      expect(hello).toBe('hello');
    });

  test('calls, callbacks and errors', async () => {
    const { url } = await serving();
    const page = await open();
    const said = await page.evaluate(
      `const remote = await dservice.dial(given.url);
       const seen = [];
       const to = await remote.count(5, (number) => void seen.push(number));
       const classic = await new Promise((resolve) => void remote.add(40, 2, resolve));
       const error = await remote.fail().catch((error) => error);
       return {
         loud: await remote.shout('hello'), to, seen, classic,
         error: [error instanceof RangeError, error.message],
       };`,
      { url },
    );
    expect(said).toEqual({
      ...{ loud: 'HELLO', to: 5, seen: [1, 2, 3, 4, 5], classic: 42 },
      error: [true, 'on purpose'],
    });
  });

  test('values with types go there and back', async () => {
    const { url } = await serving();
    const page = await open();
    const said = await page.evaluate(
      `const remote = await dservice.dial(given.url);
       const shared = { n: -0 };
       const value = {
         date: new Date(0),
         map: new Map([['big', 2n ** 70n], ['set', new Set([1, undefined, NaN])]]),
         bytes: new Uint8Array([0, 127, 128, 255]),
         pattern: /a+/gi,
         twice: [shared, shared],
       };
       const { date, map, bytes, pattern, twice } = await remote.echo(value);
       return {
         there: await remote.look(value),
         date: date instanceof Date && date.getTime(),
         map: map instanceof Map && [String(map.get('big')), [...map.get('set')].map(String)],
         bytes: bytes instanceof Uint8Array && [...bytes],
         pattern: pattern instanceof RegExp && String(pattern),
         twice: twice[0] === twice[1] && Object.is(twice[0].n, -0),
       };`,
      { url },
    );
    expect(said).toEqual({
      there: [
        '{ date: 1970-01-01T00:00:00.000Z',
        "map: Map(2) { 'big' => 1180591620717411303424n, 'set' => Set(3) { 1, undefined, NaN } }",
        'bytes: Uint8Array(4) [ 0, 127, 128, 255 ]',
        'pattern: /a+/gi',
        'twice: [ { n: -0 }, { n: -0 } ] }',
      ].join(', '),
      date: 0,
      map: ['1180591620717411303424', ['1', 'undefined', 'NaN']],
      bytes: [0, 127, 128, 255],
      pattern: '/a+/gi',
      twice: true,
    });
  });

  test('a thousand callbacks in flight', async () => {
    const { url } = await serving();
    const page = await open();
    const heard = await page.evaluate(
      `const remote = await dservice.dial(given.url);
       const one = () =>
         new Promise((resolve, reject) => {
           remote.gather(1000, (number) => void resolve(number)).catch(reject);
         });
       return Promise.all(Array.from({ length: 1000 }, one));`,
      { url },
    );
    // Each once, in the order they were passed.
    expect(heard).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  });

  test('a page serves, and a Node program calls it', async () => {
    const { url, child } = await callingBack();
    const page = await open();
    await page.evaluate(
      `const api = {
         add: (a, b) => a + b,
         count: async (to, each) => { for (let i = 1; i <= to; i++) await each(i); return new Date(0); },
       };
       await dservice.serve(api, new WebSocket(given.url));`,
      { url },
    );
    expect(await child.says(/^the page says .*$/m)).toBe(
      'the page says [42,[1,2,3],"1970-01-01T00:00:00.000Z"]',
    );
  });

  test('a worker serves its page', async () => {
    const page = await open();
    const said = await page.evaluate(
      `const remote = await dservice.dial(new Worker('/worker.js', { type: 'module' }));
       const seen = [];
       const date = await remote.count(3, (number) => void seen.push(number));
       return [await remote.double(21), seen, date instanceof Date && date.getTime()];`,
    );
    expect(said).toEqual([42, [1, 2, 3], 3]);
  });

  test('a service that dies fails the calls on their way, which may have run', async () => {
    const { url, child } = await serving();
    const page = await open();
    await page.evaluate(
      `const remote = await dservice.dial(given.url);
       const tell = ({ code, mayHaveRun }) => ({ code, mayHaveRun });
       globalThis.ends = Promise.all([1, 2, 3].map(() => remote.never().then(() => 'ran', tell)));`,
      { url },
    );
    await child.says('called\ncalled\ncalled\n');
    child.kill('SIGKILL');
    const lost = { code: 'ERR_CONNECTION_LOST', mayHaveRun: true };
    expect(await page.evaluate('return globalThis.ends;')).toEqual([lost, lost, lost]);
  });

  test('a service for pages from elsewhere refuses this one', async () => {
    const { url } = await serving(['http://elsewhere.example']);
    const page = await open();
    const refused = await page.evaluate(
      `return dservice.dial(given.url).then(
         () => 'let in',
         (error) => [error instanceof dservice.DserviceError, error.code],
       );`,
      { url },
    );
    // A browser tells a page no more than that it was closed.
    expect(refused).toEqual([true, 'ERR_CONNECT']);
  });
});
