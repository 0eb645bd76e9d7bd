import { expect, test } from 'vitest';
import { MemoryHost } from '../testing/memory-host.js';
import { makeDservice } from './dservice.js';

const dservice = makeDservice(new MemoryHost().runtime);
const api = { shout: (s: string) => s.toUpperCase() };

// What a program without types may give.
const wrong: [Record<string, unknown>, string][] = [
  [{ reach: 'world' }, "`reach` is 'local' or 'lan'"],
  [{ discovery: [] }, '`discovery` is a discovery, or a list of them'],
  [{ discovery: 'mdns' }, '`discovery` is a discovery, or a list of them'],
  [{ port: '80' }, '`port` is a port, 0 to 65535'],
  [{ port: 65_536 }, '`port` is a port, 0 to 65535'],
  [{ port: 1.5 }, '`port` is a port, 0 to 65535'],
  [{ path: 7 }, '`path` is a string'],
  [{ host: '' }, '`host` is a string'],
  [{ tls: true }, '`tls` is an object'],
  [{ origins: 'https://a.example' }, '`origins` is a list of strings'],
  [{ authenticate: true }, '`authenticate` is a function'],
  [{ deadline: 0 }, '`deadline` is a positive number of milliseconds'],
  [{ webrtc: 'off' }, '`webrtc` is true, false or { iceServers: '],
  [{ webrtc: { iceServers: [{ urls: 'nonsense' }] } }, '`webrtc` is '],
  [{ webrtc: { iceServers: [{}] } }, '`webrtc` is '],
  [{ webrtc: { iceServers: [{ urls: ['stun:a', 'turn:a'] }] } }, 'turn:host with a username'],
  [{ wait: '5s' }, '`wait` is a positive number of milliseconds'],
  [{ startTimeout: Number.NaN }, '`startTimeout` is a positive number of milliseconds'],
  [{ manifest: true }, '`manifest` is the path of a package.json, or false'],
  [{ callbacks: 1 }, '`callbacks` is true or false'],
  [{ limits: { lines: 1 } }, '`limits` is an object of positive numbers: line, '],
  [{ limits: { line: 0 } }, '`limits` is an object of positive numbers: line, '],
  [{ logger: {} }, '`logger` is an object with a function `warn`'],
  [{ observe: [() => {}] }, '`observe` is an observer, an object of functions, or a list of them'],
  [{ pick: 'best' }, "`pick` is 'round-robin', 'random' or a function"],
  [{ prefer: 'lowest' }, "`prefer` is 'highest'"],
  [{ retries: 3 }, '"retries" is no option of a service: reach, discovery, rendezvous'],
  [{ constructor: 3 }, '"constructor" is no option of a service'],
];

test.each(wrong)('%j', (options, message) => {
  const error = expect.objectContaining({
    code: 'ERR_OPTION',
    message: expect.stringContaining(message),
  });
  expect(() => dservice('a', api, options)).toThrow(error);
  expect(() => dservice(options)).toThrow(error);
});

test.each([null, 5, 'x'])('%j are no options', (options) => {
  expect(() => dservice('a', api, options as unknown as object)).toThrow(
    expect.objectContaining({ code: 'ERR_OPTION' }),
  );
});

test('ICE servers that a browser takes', () => {
  const turn = { urls: ['turn:a.example:3478', 'stuns:a.example'], username: 'a', credential: 'b' };
  const webrtc = { iceServers: [{ urls: 'stun:stun.example.org' }, turn] };
  expect(dservice('a', api, { webrtc }).state).toBe('new');
});

test('what is undefined counts as left out', () => {
  const nothing = { reach: undefined, port: undefined } as unknown as object;
  expect(dservice('a', api, nothing).state).toBe('new');
});

test('of connect', async () => {
  const caller = dservice();
  for (const [options, message] of [
    [{ wait: -1 }, '`wait` is a positive number'],
    [
      { retries: 1 },
      '"retries" is no option of connect: wait, deadline, hedge, instance, intercept are',
    ],
  ] as [object, string][]) {
    await expect(caller.connect('a', options)).rejects.toMatchObject({
      code: 'ERR_OPTION',
      message: expect.stringContaining(message),
    });
  }
});

test.each([5, 'shout', []])('%j is no api', (given) => {
  expect(() => dservice('a', given as unknown as object)).toThrow(
    expect.objectContaining({ code: 'ERR_API' }),
  );
});

test.each(['methods', 'cull'])('"%s" is a word of the protocol', (word) => {
  expect(() => dservice('a', { [word]: () => {} })).toThrow(
    expect.objectContaining({ code: 'ERR_NAME', message: expect.stringContaining(word) }),
  );
});
