import { expectTypeOf, test } from 'vitest';
import type { CallContext } from './context.js';
import type { CallInterceptor, ServeInterceptor } from './intercept.js';
import { type CallOptions, options } from './options.js';

test('what is handed along is an object, and what it is there is not known', () => {
  const remote = {} as { shout(text: string): Promise<string> };
  const tenant = options(remote, { meta: { tenant: 'acme', tags: ['a'] } });
  expectTypeOf(tenant.shout('a')).resolves.toEqualTypeOf<string>();
  // @ts-expect-error It has names.
  options(remote, { meta: 'acme' });
  type Given = Readonly<Record<string, unknown>> | undefined;
  expectTypeOf<CallContext['meta']['given']>().toEqualTypeOf<Given>();
  expectTypeOf<CallOptions['meta']>().toEqualTypeOf<Given>();
});

test('interceptors add to it, and replace it', () => {
  const call: CallInterceptor = (_, next) => next({ options: { meta: { id: 1 } } });
  const serve: ServeInterceptor = ({ meta }, next) =>
    next({ meta: { ...meta.given, user: 'ann' } });
  void [call, serve];
});
