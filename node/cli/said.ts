import type { InstanceRecord } from '../../src/discovery/record.js';
import { describe, type MethodDescription } from '../../src/service/describe.js';
import { type Health, health } from '../../src/service/health.js';
import { faultText } from './fault.js';
import { methodLine } from './methods.js';
import { harmless } from './style.js';
import type { Caller } from './world.js';

/** Milliseconds that an instance has to answer. */
const patience = 2_000;

/** What an instance says of itself, or why it cannot be asked. */
export interface Said {
  readonly methods?: readonly MethodDescription[];
  readonly health?: Health;
  readonly fault?: string;
}

/** Asks an instance for its methods, and how it is. Never rejects. */
export async function askInstance({ name, id }: InstanceRecord, caller: Caller): Promise<Said> {
  try {
    const session = await new Promise<object>((resolve, reject) => {
      caller.dnodeFor(name, { instance: id, wait: patience }, (error, _, d) =>
        d === undefined ? reject(error ?? new Error('nothing came')) : resolve(d.session),
      );
    });
    const { methods } = await describe(session);
    const found = await health(session, { deadline: patience }).catch(() => undefined);
    return { methods, ...(found === undefined ? {} : { health: found }) };
  } catch (error) {
    return { fault: faultText(error) };
  }
}

/** An instance, and under it what it said. */
export function saidLines({ name, version, id }: InstanceRecord, said: Said): string[] {
  const { methods = [], health: found, fault } = said;
  const bad = Object.entries(found?.checks ?? {}).filter(([, { status }]) => status !== 'up');
  const status = fault ?? found?.status ?? '';
  return [
    harmless(`${name}@${version} ${id} ${status}`.trimEnd()),
    ...bad.map(([check, result]) =>
      harmless(`  ! ${check}: ${result.status}${result.message ? `, ${result.message}` : ''}`),
    ),
    ...methods.map((method) => `  ${methodLine(method.name, method)}`),
  ];
}
