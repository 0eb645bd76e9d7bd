import { describe, expect, it } from 'vitest';
import { parseArgs } from './args.js';

describe('parseArgs', () => {
  const block = (): void => {};
  it.each([
    [['moo.com', 555], { host: 'moo.com', port: 555 }],
    [[555, 'moo.com', block], { host: 'moo.com', port: 555, block }],
    [[block, 'moo.com', '555'], { host: 'moo.com', port: 555, block }],
    [['7777'], { port: 7777 }],
    [[0], { port: 0 }],
    [['/tmp/a.sock', block], { path: '/tmp/a.sock', block }],
    [[{ host: 'moosy.moo.com', port: 5050 }], { host: 'moosy.moo.com', port: 5050 }],
    [['meow.cats.com', { port: '1234' }], { host: 'meow.cats.com', port: 1234 }],
    [
      [undefined, { host: 'woof.dogs.com' }, undefined, { port: 4050 }, undefined],
      { host: 'woof.dogs.com', port: 4050 },
    ],
    [[{ path: '/a', block }], { path: '/a', block }],
    [[null, true], {}],
    [[], {}],
  ])('%j', (args, place) => expect(parseArgs(args)).toEqual(place));
});
