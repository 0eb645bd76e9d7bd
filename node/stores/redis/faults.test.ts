import { ErrorReply } from 'redis';
import { expect, test } from 'vitest';
import { faultOf } from './faults.js';

const replies: [string, string][] = [
  ['NOSCRIPT No matching script.', 'script'],
  ['LOADING Redis is loading the dataset in memory', 'ERR_STORE_AWAY'],
  ['BUSY Redis is busy running a script.', 'ERR_STORE_AWAY'],
  ['CLUSTERDOWN Hash slot not served', 'ERR_STORE_AWAY'],
  ['TRYAGAIN Multiple keys request during rehashing of slot', 'ERR_STORE_AWAY'],
  ['MOVED 3999 127.0.0.1:6381', 'ERR_STORE_AWAY'],
  ["READONLY You can't write against a read only replica.", 'ERR_STORE_READ_ONLY'],
  ["OOM command not allowed when used memory > 'maxmemory'.", 'ERR_STORE_FULL'],
  [
    "ERR Error running script (call to f_1): @user_script: 12: -OOM command not allowed when used memory > 'maxmemory'.",
    'ERR_STORE_FULL',
  ],
  [
    'MISCONF Errors writing to the AOF file: No space left on device script: 1, on @user_script:3.',
    'ERR_STORE_FULL',
  ],
  ['WRONGTYPE Operation against a key holding the wrong kind of value', 'ERR_STORE_CORRUPT'],
  ['CORRUPT a', 'ERR_STORE_CORRUPT'],
  ['STATE over', 'ERR_STATE'],
  ['NOPERM this user has no permissions to run the evalsha command', 'ERR_STORE'],
];

test.each(replies)('%s', (text, expected) => {
  const fault = faultOf(new ErrorReply(text));
  expect(fault.kind === 'script' ? 'script' : fault.error.code).toBe(expected);
});

test('what is no answer is the connection’s, or a fault of ours', () => {
  expect(faultOf(new Error('Socket closed unexpectedly')).kind).toBe('away');
  expect(faultOf(new TypeError('Invalid argument type')).kind).toBe('final');
});
