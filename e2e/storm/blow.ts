import { Dice } from '../chaos/dice.js';

/**
 * What is done to the service, from here on for a while.
 *
 * Of an instance: `kill`: it is killed, and started anew. `roll`: it is told to stop, and one of a newer version takes
 * its place. `freeze`: it is stopped, and goes on. Of a host, or of the way between two: `split`: no packet comes or
 * goes. `deaf`: none comes. `mute`: none goes. `loss`: some are lost. `cable`: the interface is down. Of the proxy:
 * `slow`: all that passes is late. `hold`: nothing passes. `cut`: connections end at once.
 */
export type BlowKind =
  | 'kill'
  | 'roll'
  | 'freeze'
  | 'split'
  | 'deaf'
  | 'mute'
  | 'loss'
  | 'cable'
  | 'slow'
  | 'hold'
  | 'cut';

export interface Blow {
  readonly kind: BlowKind;
  /** ms after the beginning, and how long it is to last. */
  readonly at: number;
  readonly ms: number;
  /** The host. */
  readonly target: string;
  /** Only the way between the two. */
  readonly other?: string;
  /** Of `loss`: from 0 to 1. Of `slow`: ms. */
  readonly amount?: number;
}

export interface BlowSettings {
  readonly seed: number;
  /** ms that it all takes. */
  readonly ms: number;
  /** ms between two beginnings, and that one lasts. */
  readonly pauses: readonly [number, number];
  readonly lasts: readonly [number, number];
}

/**
 * All blows, in their order: the same ones for a seed. Dealt by chance until each card of the deck was there, and then
 * again: so even a short storm has some of all.
 */
function plan<Card>(
  settings: BlowSettings,
  deck: readonly Card[],
  deal: (card: Card, dice: Dice) => Omit<Blow, 'at' | 'ms'>,
): Blow[] {
  const dice = new Dice(settings.seed);
  const blows: Blow[] = [];
  let left: Card[] = [];
  for (let at = dice.between(...settings.pauses); at < settings.ms;) {
    if (left.length === 0) left = [...deck];
    const ms = Math.round(dice.between(...settings.lasts));
    for (const card of left.splice(dice.below(left.length), 1)) {
      blows.push({ at, ms, ...deal(card, dice) });
    }
    at += dice.between(...settings.pauses);
  }
  return blows;
}

export interface ServiceHosts {
  readonly instances: readonly string[];
  readonly callers: readonly string[];
  readonly proxy: string;
}

const ofServices: readonly BlowKind[] = [
  ...(['kill', 'roll', 'freeze', 'split', 'deaf', 'mute'] as const),
  ...(['loss', 'cable', 'slow', 'hold', 'cut', 'kill'] as const),
];

/** What is done to services. */
export function serviceBlows(settings: BlowSettings, hosts: ServiceHosts): Blow[] {
  return plan(settings, ofServices, (kind, dice) => dealt(kind, hosts, dice));
}

const ofPages: readonly (readonly [BlowKind, ...targets: string[]])[] = [
  ...(['split', 'deaf', 'mute', 'loss', 'kill', 'roll', 'freeze'] as const).map(
    (kind) => [kind, 'relay'] as const,
  ),
  ['split', 'direct'],
  ['loss', 'direct'],
  ['kill', 't0', 't1'],
  ['kill', 'n0', 'n1'],
  ['freeze', 'n0', 'n1'],
];

/** What is done to pages: to the rendezvous (`relay`), the direct channels, serving tabs, services in Node. */
export function pageBlows(settings: BlowSettings): Blow[] {
  return plan(settings, ofPages, ([kind, ...targets], dice) => ({
    ...{ kind, target: dice.one(targets) },
    ...(kind === 'loss' ? { amount: dice.between(0.1, 0.3) } : {}),
  }));
}

function dealt(kind: BlowKind, hosts: ServiceHosts, dice: Dice): Omit<Blow, 'at' | 'ms'> {
  const { instances, callers, proxy } = hosts;
  switch (kind) {
    case 'kill':
    case 'roll':
    case 'freeze':
      return { kind, target: dice.one(instances) };
    case 'slow':
      return { kind, target: proxy, amount: Math.round(dice.between(50, 500)) };
    case 'hold':
    case 'cut':
      return { kind, target: proxy };
    case 'loss':
      return { kind, target: anyHost(hosts, dice), amount: dice.between(0.1, 0.3) };
    case 'cable':
      return { kind, target: anyHost(hosts, dice) };
    case 'split':
    case 'deaf':
    case 'mute':
      if (dice.next() < 0.5) return { kind, target: anyHost(hosts, dice) };
      return { kind, target: dice.one(instances), other: dice.one(callers) };
  }
}

/** Mostly where instances are: a caller that is alone has nothing to choose. */
function anyHost({ instances, callers }: ServiceHosts, dice: Dice): string {
  return dice.one(dice.next() < 0.75 ? instances : callers);
}
