import { describe, expect, it } from 'vitest';
import { construct } from './construct.js';

describe('construct', () => {
  const remote = {};
  const conn = {};
  const make = (cons: unknown): object => construct(cons, remote, conn);

  it('takes an object as it is', () => {
    const api = { a: 1 };
    expect(make(api)).toBe(api);
    expect(make([1])).toEqual([1]);
  });

  it.each([undefined, null, 'text', 7])('makes an empty object of %s', (cons) =>
    expect(make(cons)).toEqual({}),
  );

  it('calls a function with an object of its own, the remote and the connection', () => {
    const got: unknown[] = [];
    const made = make(function (this: Record<string, unknown>, ...args: unknown[]) {
      got.push(...args);
      this.a = 1;
    });
    expect(made).toEqual({ a: 1 });
    expect(got[0]).toBe(remote);
    expect(got[1]).toBe(conn);
  });

  it('takes the object that a function returns, and nothing else', () => {
    const other = { b: 2 };
    expect(make(() => other)).toBe(other);
    expect(make(() => 7)).toEqual({});
    expect(make(() => null)).toEqual({});
    expect(make(() => () => {})).toEqual({});
  });

  it('makes an instance of a class, and gives a function its prototype', () => {
    class Api {
      a = 1;
    }
    expect(make(Api)).toBeInstanceOf(Api);
    function Old(this: { a: unknown }): void {
      this.a = Reflect.get(this, 'helper');
    }
    Old.prototype.helper = 5;
    expect(make(Old)).toEqual({ a: 5 });
  });

  it('throws what it throws', () =>
    expect(() =>
      make(() => {
        throw new Error('no');
      }),
    ).toThrow('no'));
});
