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
  readonly instances: readonly string[];
  readonly callers: readonly string[];
  readonly proxy: string;
  /** ms between two beginnings, and that one lasts. */
  readonly pauses: readonly [number, number];
  readonly lasts: readonly [number, number];
}

const kinds: readonly BlowKind[] = [
  ...(['kill', 'roll', 'freeze', 'split', 'deaf', 'mute'] as const),
  ...(['loss', 'cable', 'slow', 'hold', 'cut', 'kill'] as const),
];

/** All blows, in their order: the same ones for a seed. Dealt by chance until each was there, and then again. */
export function blowsOf(settings: BlowSettings): Blow[] {
  const dice = new Dice(settings.seed);
  const blows: Blow[] = [];
  let deck: BlowKind[] = [];
  for (let at = dice.between(...settings.pauses); at < settings.ms;) {
    if (deck.length === 0) deck = [...kinds];
    const [kind] = deck.splice(dice.below(deck.length), 1);
    if (kind !== undefined) blows.push({ at, ...dealt(kind, settings, dice) });
    at += dice.between(...settings.pauses);
  }
  return blows;
}

function dealt(kind: BlowKind, settings: BlowSettings, dice: Dice): Omit<Blow, 'at'> {
  const { instances, callers, proxy } = settings;
  const ms = Math.round(dice.between(...settings.lasts));
  switch (kind) {
    case 'kill':
    case 'roll':
    case 'freeze':
      return { kind, ms, target: dice.one(instances) };
    case 'slow':
      return { kind, ms, target: proxy, amount: Math.round(dice.between(50, 500)) };
    case 'hold':
    case 'cut':
      return { kind, ms, target: proxy };
    case 'loss':
      return { kind, ms, target: anyHost(settings, dice), amount: dice.between(0.1, 0.3) };
    case 'cable':
      return { kind, ms, target: anyHost(settings, dice) };
    case 'split':
    case 'deaf':
    case 'mute':
      if (dice.next() < 0.5) return { kind, ms, target: anyHost(settings, dice) };
      return { kind, ms, target: dice.one(instances), other: dice.one(callers) };
  }
}

/** Mostly where instances are: a caller that is alone has nothing to choose. */
function anyHost({ instances, callers }: BlowSettings, dice: Dice): string {
  return dice.one(dice.next() < 0.75 ? instances : callers);
}
