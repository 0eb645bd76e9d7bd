import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { Outlet } from './outlet.js';

function setup(limits = { unsent: 10, unsentMax: 100 }) {
  const clock = new VirtualClock();
  const told: string[] = [];
  let room = Infinity;
  const outlet: Outlet = new Outlet({
    clock,
    limits,
    emit: (line) => {
      told.push(line);
      if (--room <= 0) outlet.pause();
    },
    drain: () => told.push('drain'),
    overflow: (unsent) => told.push(`overflow ${unsent}`),
  });
  const take = (): string[] => told.splice(0);
  return { clock, outlet, take, allow: (n: number) => (room = n) };
}

describe('Outlet', () => {
  it('hands over at once what is not held back', () => {
    const { outlet, take } = setup();
    outlet.push('a');
    outlet.push('b');
    expect(take()).toEqual(['a', 'b']);
    expect(outlet.open).toBe(true);
  });

  it('holds back while it is paused, in order, and asks others to wait once it is too much', () => {
    const { outlet, take } = setup();
    outlet.pause();
    outlet.push('12345');
    expect(outlet.open).toBe(true);
    outlet.push('67890a');
    expect(outlet.open).toBe(false);
    expect(take()).toEqual([]);
    outlet.resume();
    expect(take()).toEqual(['12345', '67890a', 'drain']);
    outlet.resume();
    expect(take()).toEqual([]);
  });

  it('goes on where it was paused again', () => {
    const { outlet, take, allow } = setup();
    outlet.pause();
    for (const line of ['aaaaa', 'bbbbb', 'ccccc', 'ddddd']) outlet.push(line);
    expect(outlet.open).toBe(false);
    allow(1);
    outlet.resume();
    expect(take()).toEqual(['aaaaa']);
    outlet.push('e');
    allow(Infinity);
    outlet.resume();
    expect(take()).toEqual(['bbbbb', 'ccccc', 'ddddd', 'e', 'drain']);
  });

  it('keeps order over many lines', () => {
    const { outlet, take, allow } = setup({ unsent: 10, unsentMax: 1e9 });
    outlet.pause();
    const lines = Array.from({ length: 5_000 }, (_, i) => `line ${i}`);
    for (const line of lines) outlet.push(line);
    const got: string[] = [];
    while (got.length < lines.length) {
      allow(700);
      outlet.resume();
      got.push(...take());
    }
    expect(got).toEqual(lines);
  });

  it('lets others go on after a second without progress, until there is room again', async () => {
    const { clock, outlet, take } = setup();
    outlet.pause();
    outlet.push('12345678901');
    expect(outlet.open).toBe(false);
    await clock.advance(999);
    expect(take()).toEqual([]);
    await clock.advance(1);
    expect(take()).toEqual(['drain']);
    outlet.push('x');
    expect(outlet.open).toBe(true);
    outlet.resume();
    expect(take()).toEqual(['12345678901', 'x']);
    outlet.pause();
    outlet.push('12345678901');
    expect(outlet.open).toBe(false);
  });

  it('tells when more waits than may', () => {
    const { outlet, take } = setup();
    outlet.pause();
    outlet.push('x'.repeat(101));
    expect(take()).toEqual(['overflow 101']);
    outlet.clear();
    outlet.resume();
    expect(take()).toEqual([]);
  });

  it('hands over everything before the end', () => {
    const { outlet, take, allow } = setup();
    outlet.pause();
    allow(1);
    for (const line of ['aaaaaa', 'bbbbbb']) outlet.push(line);
    expect(outlet.open).toBe(false);
    outlet.flush();
    expect(take()).toEqual(['aaaaaa', 'bbbbbb', 'drain']);
  });
});
