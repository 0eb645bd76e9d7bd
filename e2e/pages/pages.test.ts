import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ownName } from '../child.js';
import { Meeting } from './meeting.js';
import { nodeService } from './programs.js';
import {
  burst,
  call,
  endOfStart,
  find,
  load,
  more,
  reachedBy,
  rely,
  serve,
  settle,
} from './tabs.js';

let meeting: Meeting;

beforeAll(async () => {
  meeting = await Meeting.open();
});
afterEach(() => meeting.clear());
afterAll(() => meeting.close());

/** Takes away what a private mode, an old browser or a policy may. */
const bare = `
  for (const name of ['RTCPeerConnection', 'BroadcastChannel', 'SharedWorker']) delete globalThis[name];
  delete Navigator.prototype.locks;
  for (const name of ['indexedDB', 'localStorage', 'sessionStorage', 'caches']) {
    const get = () => { throw new DOMException('Access is denied.', 'SecurityError'); };
    Object.defineProperty(globalThis, name, { get });
  }
`;

/** Timers as browsers slow them down in a tab that has been in the background for long: once a minute. */
const background = `
  const { setTimeout: after } = globalThis;
  globalThis.setTimeout = (fn, ms = 0, ...args) => after(fn, Math.max(ms, 60_000), ...args);
  for (const [name, value] of [['hidden', true], ['visibilityState', 'hidden']]) {
    Object.defineProperty(document, name, { get: () => value });
  }
`;

describe('a page and a Node program', () => {
  test('the page calls', async () => {
    const name = ownName('node');
    const service = await meeting.node('service', nodeService(`${name}@1.2.0`));
    await service.says('started');
    const tab = await meeting.tab();
    // At its address, or relayed where the rendezvous heard of it by multicast DNS first.
    expect(['ws', 'relay']).toContain(await find(tab, `${name}@^1`));
    expect(await call(tab, 'shout', 'hello')).toBe('HELLO');
    expect(await burst(tab, 1_000)).toEqual({ came: 1_000, answered: 1_000, wrong: 0 });
  });

  test('that knows nothing of the rendezvous is found there too, and called through its restart', async () => {
    const name = ownName('mdns');
    const service = await meeting.node('multicast', nodeService(`${name}@1.2.0`, '{ port: 0 }'));
    await service.says('started');
    const tab = await meeting.tab();
    expect(await find(tab, `${name}@^1`)).toBe('relay');
    expect(await burst(tab, 1_000)).toEqual({ came: 1_000, answered: 1_000, wrong: 0 });
    await load(tab);
    await more(tab, 100);
    meeting.rendezvous.kill('SIGTERM');
    await meeting.rendezvous.ended;
    await meeting.startRendezvous();
    await more(tab, 100);
    expect((await settle(tab)).failed).toEqual([]);
  });

  test('that knows nothing of the rendezvous calls into a page', async () => {
    const name = ownName('tab');
    const tab = await meeting.tab();
    await serve(tab, `${name}@2.0.0`);
    const caller = await meeting.node(
      'multicast-caller',
      `const remote = await dservice().connect(args[0]);
       await remote.alert('hello by multicast');
       console.log('told');
       process.exit();`,
      `${name}@^2`,
    );
    await caller.says('told');
    expect(await tab.evaluate('tab.alerts')).toEqual(['hello by multicast']);
  });

  test('the Node program calls into a page, as it calls anything else', async () => {
    const name = ownName('tab');
    const tab = await meeting.tab();
    await serve(tab, `${name}@2.0.0`);
    const caller = await meeting.node(
      'caller',
      `const remote = await dservice(quiet).connect(args[0]);
       await remote.alert('hello from Node');
       console.log('who ' + JSON.stringify(await remote.who()));
       let came = 0;
       const answered = await remote.burst(1000, () => came++);
       console.log('came ' + came + ' ' + answered);
       process.exit();`,
      `${name}@^2`,
    );
    await caller.says('came 1000 1000');
    expect(await tab.evaluate('tab.alerts')).toEqual(['hello from Node']);
  });

  test('each hears what the other emits', async () => {
    const [shop, name] = [ownName('shop'), ownName('tab')];
    const tab = await meeting.tab();
    await serve(tab, `${name}@1.0.0`);
    const program = await meeting.node(
      'events',
      `const [shop, tab] = args;
       const service = dservice(shop, {}, quiet);
       await service.start();
       await service.on(tab, 'typed', (text) => console.log('heard ' + text)).ready;
       // Until the page listens, too.
       while ((await service.emit('sold', 7)).length === 0) await new Promise((go) => setTimeout(go, 20));
       console.log('told');`,
      ...[`${shop}@1.0.0`, `${name}@^1`],
    );
    const heard = tab.evaluate(
      `new Promise((heard) => tab.service.on(${JSON.stringify(shop)}, 'sold', heard))`,
    );
    expect(await heard).toBe(7);
    await program.says('told');
    expect(await tab.evaluate(`tab.service.emit('typed', 'hello')`)).toEqual([{ service: shop }]);
    await program.says('heard hello');
  });

  test('that wait for each other both name the circle, within 2 s', async () => {
    const [ofPage, ofNode] = [ownName('tab'), ownName('node')];
    const tab = await meeting.tab();
    await rely(tab, `${ofPage}@1.0.0`, `${ofNode}@^2`);
    const program = await meeting.node(
      'circle',
      `const begun = Date.now();
       const service = dservice(args[0], {}, quiet).rely(args[1]);
       service.start().catch(({ message }) => console.log('told ' + JSON.stringify([begun, message])));`,
      ...[`${ofNode}@2.1.0`, `${ofPage}@^1`],
    );
    const told = (await program.says(/told .*\n/)).slice('told '.length);
    const [begun, message] = JSON.parse(told) as [number, string];
    expect(message.split(':')[0]).toBe(`${ofNode}@2.1.0 → ${ofPage}@1.0.0 → ${ofNode}`);
    const inPage = await endOfStart(tab);
    expect(inPage.message.split(':')[0]).toBe(`${ofPage}@1.0.0 → ${ofNode}@2.1.0 → ${ofPage}`);
    expect(inPage.at - begun).toBeLessThan(2_000);
  });
});

describe('page to page', () => {
  test('directly; then the rendezvous is killed, and calls go on', async () => {
    const name = ownName('tab');
    const [a, b] = [await meeting.tab(), await meeting.tab()];
    await serve(a, `${name}@1.0.0`);
    await find(b, `${name}@^1`);
    await reachedBy(b, 'webrtc');
    expect(await burst(b, 1_000)).toEqual({ came: 1_000, answered: 1_000, wrong: 0 });
    await load(b);
    await more(b, 200);
    meeting.rendezvous.kill('SIGKILL');
    await meeting.rendezvous.ended;
    await more(b, 500);
    const { failed } = await settle(b);
    expect(failed).toEqual([]);
    await meeting.startRendezvous();
  });

  test('relayed, with WebRTC off at either side', async () => {
    const name = ownName('tab');
    const [a, b] = [await meeting.tab(), await meeting.tab()];
    await serve(a, `${name}@1.0.0`, { webrtc: false });
    expect(await find(b, `${name}@^1`)).toBe('relay');
    expect(await burst(b, 1_000)).toEqual({ came: 1_000, answered: 1_000, wrong: 0 });
    expect(await call(b, 'who')).toEqual({ transport: 'relay', origin: meeting.url.slice(0, -1) });
  });

  test('a page without WebRTC, and with all storage forbidden, is reached by the relay', async () => {
    const name = ownName('tab');
    const a = await meeting.tab({ before: bare });
    const b = await meeting.tab();
    await serve(a, `${name}@1.0.0`);
    expect(await find(b, `${name}@^1`)).toBe('relay');
    expect(await call(b, 'echo', 'still')).toBe('still');
  });

  test('a tab in the background is found, called and gone back to', async () => {
    const name = ownName('tab');
    const a = await meeting.tab({ before: background });
    const b = await meeting.tab();
    await serve(a, `${name}@1.0.0`);
    await find(b, `${name}@^1`);
    await reachedBy(b, 'webrtc');
    expect(await burst(b, 1_000)).toEqual({ came: 1_000, answered: 1_000, wrong: 0 });
    await load(b);
    meeting.rendezvous.kill('SIGKILL');
    await meeting.rendezvous.ended;
    await more(b, 500);
    await meeting.startRendezvous();
    expect((await settle(b)).failed).toEqual([]);
    // More than is kept for a resume, in calls of which none is answered before the last has come.
    const size = await b.evaluate(`(async () => {
      const text = 'x'.repeat(1_000_000);
      const answers = Array.from({ length: 24 }, () => tab.remote.echo(text));
      return (await Promise.all(answers)).reduce((sum, { length }) => sum + length, 0);
    })()`);
    expect(size).toBe(24_000_000);
  });

  test('a call under way survives the way from the relay to the direct channel, and back', async () => {
    const name = ownName('tab');
    const [a, b] = [await meeting.tab(), await meeting.tab()];
    await serve(a, `${name}@1.0.0`);
    await find(b, `${name}@^1`);
    const slow = call(b, 'slow');
    await load(b);
    await reachedBy(b, 'webrtc');
    await more(b, 200);
    // All that is direct is lost at once, without a word: the packets go nowhere.
    meeting.network.run(
      'iptables',
      '-A',
      'OUTPUT',
      '-p',
      'udp',
      '!',
      '-d',
      '127.0.0.0/8',
      '-j',
      'DROP',
    );
    try {
      await reachedBy(b, 'relay');
      await more(b, 200);
    } finally {
      meeting.network.run('iptables', '-F', 'OUTPUT');
    }
    await a.evaluate('tab.finish("done")');
    expect(await slow).toBe('done');
    expect((await settle(b)).failed).toEqual([]);
  });
});

test('the rendezvous is restarted under load: everything recovers by itself', async () => {
  const name = ownName('tab');
  const [a, b] = [await meeting.tab(), await meeting.tab()];
  await serve(a, `${name}@1.0.0`, { webrtc: false });
  await find(b, `${name}@^1`, { webrtc: false });
  await load(b);
  await more(b, 100);
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    meeting.rendezvous.kill(signal);
    await meeting.rendezvous.ended;
    await meeting.startRendezvous();
    await more(b, 200);
  }
  expect((await settle(b)).failed).toEqual([]);
});

describe('a tab', () => {
  test('that crashes is gone for others, and its callers are told', async () => {
    const name = ownName('tab');
    const [a, b] = [await meeting.tab(), await meeting.tab()];
    await serve(a, `${name}@1.0.0`);
    await find(b, name);
    await reachedBy(b, 'webrtc');
    await b.evaluate(`
      tab.events = [];
      tab.caller.discovery.browse('${name}', ({ type }) => tab.events.push(type));
      tab.lost = tab.remote.slow().catch((error) => [error.code, error.mayHaveRun]);
      0;
    `);
    const cdp = await a.context().newCDPSession(a);
    cdp.send('Page.crash').catch(() => {});
    await b.waitForFunction('tab.events.includes("down")', undefined, { timeout: 50_000 });
    expect(await b.evaluate('tab.lost')).toEqual(['ERR_CONNECTION_LOST', true]);
  });

  test('that is closed in good order is gone at once', async () => {
    const name = ownName('tab');
    const [a, b] = [await meeting.tab(), await meeting.tab()];
    await serve(a, `${name}@1.0.0`);
    await find(b, name);
    await b.evaluate(
      `tab.ended = new Promise((resolve) => tab.d.on('end', resolve)).then(() => true); 0`,
    );
    await a.close();
    expect(await b.evaluate('tab.ended')).toBe(true);
  });

  test.each(['relay', 'webrtc'])(
    'that is frozen is lost, and comes back when it thaws: %s',
    async (way) => {
      const name = ownName('tab');
      const options = { webrtc: way === 'webrtc' };
      const [a, b] = [await meeting.tab(), await meeting.tab()];
      await serve(a, `${name}@1.0.0`, options);
      await find(b, name, options);
      await reachedBy(b, way);
      // Its scripts stand still, and what comes for them waits.
      const cdp = await a.context().newCDPSession(a);
      await cdp.send('Debugger.enable');
      const paused = new Promise((resolve) => cdp.once('Debugger.paused', resolve));
      await cdp.send('Debugger.pause');
      const echo = call(b, 'echo', 'thawed');
      await paused;
      await b.waitForFunction('tab.d.session.away', undefined, { timeout: 30_000 });
      await cdp.send('Debugger.resume');
      expect(await echo).toBe('thawed');
    },
  );

  test('whose rendezvous is down says so, and its calls say what was tried', async () => {
    const tab = await meeting.tab();
    const outcome = await tab.evaluate(`(async () => {
      const caller = dservice.default({ rendezvous: 'ws://127.0.0.1:1/', wait: 700 });
      try { await caller.connect('nobody'); } catch (error) { return [error.code, error.message]; }
    })()`);
    expect(outcome).toEqual([
      'ERR_NO_INSTANCE',
      expect.stringMatching(/rendezvous ws:\/\/127\.0\.0\.1:1\/rendezvous cannot be reached/),
    ]);
  });
});

describe('origins', () => {
  test('a sandboxed page is refused before anything of it is read, and the log says why', async () => {
    const tab = await meeting.tab();
    await tab.evaluate(`
      const frame = document.createElement('iframe');
      frame.sandbox = 'allow-scripts';
      frame.srcdoc = '<script>new WebSocket("${meeting.ws}").onclose = () => parent.postMessage("closed", "*")</' + 'script>';
      tab.closed = new Promise((resolve) => addEventListener('message', ({ data }) => resolve(data)));
      document.body.append(frame);
    `);
    expect(await tab.evaluate('tab.closed')).toBe('closed');
    await meeting.rendezvous.says(/log .*null/);
  });

  test('a page of a file has no rendezvous of its own; at another one it is refused', async () => {
    const tab = await meeting.tab();
    await tab.goto(meeting.file);
    expect(
      await tab.evaluate(`(() => {
        try { dservice.default().discovery; } catch (error) { return [error.code, error.message]; }
      })()`),
    ).toEqual(['ERR_OPTION', expect.stringContaining('name one')]);
    const outcome = await tab.evaluate(`(async () => {
      const caller = dservice.default({ rendezvous: '${meeting.ws}', wait: 1_000 });
      try { await caller.connect('nobody'); } catch (error) { return [error.code, error.message]; }
    })()`);
    expect(outcome).toEqual(['ERR_NO_INSTANCE', expect.stringContaining('may not connect')]);
  });
});

test('a thousand callbacks in flight over a WebSocket of its own', async () => {
  const server = await meeting.node(
    'listens',
    `const { serve } = await import('dservice');
     const burst = async (to, each) => {
       const all = Array.from({ length: to }, (_, n) => each(n));
       return (await Promise.all(all)).length;
     };
     const { endpoints } = await serve({ burst }, { port: 0 });
     console.log('at ' + endpoints[0] + ' ');`,
  );
  const endpoint = (await server.says(/at tcp:\S+ /)).trim().replace('at tcp:', 'ws:');
  const tab = await meeting.tab();
  await tab.evaluate(`dservice.dial('${endpoint}').then((remote) => { tab.remote = remote; })`);
  expect(await burst(tab, 1_000)).toEqual({ came: 1_000, answered: 1_000, wrong: 0 });
});

test('twenty tabs, all serving and calling', async () => {
  const name = ownName('crowd');
  const tabs = [];
  for (let i = 0; i < 20; i++) tabs.push(await meeting.tab());
  // Direct channels among some: hundreds of them are more than two cores bear.
  const webrtc = (i: number): object => (i < 4 ? {} : { webrtc: false });
  await Promise.all(tabs.map((tab, i) => serve(tab, `${name}.${i}@1.0.0`, webrtc(i))));
  const sums = await Promise.all(
    tabs.map((tab, i) =>
      tab.evaluate(
        `(async () => {
          const options = { wait: 40_000, deadline: 40_000, webrtc: ${i < 4} };
          const caller = dservice.default(options);
          let right = 0;
          for (let to = 0; to < 20; to++) {
            if (to === ${i}) continue;
            const remote = await caller.connect('${name}.' + to);
            if (await remote.echo('${i}-' + to) === '${i}-' + to) right++;
          }
          return right;
        })()`,
      ),
    ),
  );
  expect(sums).toEqual(Array.from({ length: 20 }, () => 19));
}, 120_000);
