import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DserviceError } from '../errors.js';
import { parseEndpoint } from './endpoint.js';
import { webSocketUrl } from './web-socket-url.js';

describe('an endpoint', () => {
  test.each([
    ['tcp://127.0.0.1:5004', { transport: 'tcp', host: '127.0.0.1', port: 5004 }],
    ['tcp://box.lan:1/', { transport: 'tcp', host: 'box.lan', port: 1 }],
    ['tcp://[::1]:5004', { transport: 'tcp', host: '::1', port: 5004 }],
    ['tls://[fe80::1%eth0]:65535', { transport: 'tls', host: 'fe80::1%eth0', port: 65535 }],
    ['unix:/run/a b.sock', { transport: 'unix', path: '/run/a b.sock' }],
    ['unix:///run/s', { transport: 'unix', path: '/run/s' }],
    ['unix:./s', { transport: 'unix', path: './s' }],
    ['ws://localhost:80/a?b', { transport: 'ws', url: 'ws://localhost/a?b' }],
    ['wss://[::1]:8443', { transport: 'wss', url: 'wss://[::1]:8443/' }],
  ])('%s', (text, expected) => {
    expect(parseEndpoint(text)).toEqual(expected);
  });

  test.each([
    '',
    'localhost:5004',
    '5004',
    'http://localhost:80',
    'tcp://localhost',
    'tcp://localhost:0',
    'tcp://localhost:65536',
    'tcp://localhost:x',
    'tcp://:5004',
    'tcp://::1:5004',
    'tcp://[::1]',
    'tcp://a@b:1',
    'tcp://a:1/path',
    'tcp:localhost:1',
    'unix:',
    'ws:localhost',
    'ws://',
    'ws://a b',
    'ws://a/#fragment',
    ' tcp://a:1',
    'TCP://a:1',
  ])('%j is none', (text) => {
    expect(() => parseEndpoint(text)).toThrow(
      expect.objectContaining({
        code: 'ERR_ENDPOINT',
        message: expect.stringContaining('tcp://host:port') as string,
      }),
    );
  });

  test.each(['tcp://a:1', 'ws:a', 'ws://', 'ws://a/#b', 'ws://a b', 'http://a', 'ws://[', ''])(
    '%s is no URL of a WebSocket',
    (text) => expect(webSocketUrl(text)).toBeUndefined(),
  );

  test('whatever is given, is taken apart or refused', () => {
    const parts = fc.constantFrom(
      'tcp:',
      'tls:',
      'unix:',
      'ws:',
      '//',
      '[',
      ']',
      ':',
      '@',
      '%',
      '1',
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(fc.oneof(parts, fc.string())).map((list) => list.join('')),
    );
    fc.assert(
      fc.property(text, (it) => {
        try {
          parseEndpoint(it);
        } catch (error) {
          expect(DserviceError.is(error) && error.code).toBe('ERR_ENDPOINT');
        }
      }),
    );
  });
});
