import type { Store } from '../../pipeline/store.js';
import type { On } from './place.js';
import { is, same } from './same.js';
import { dead, done, retry } from './worker.js';

/** Counts how often a store wakes somebody; `next` resolves when it does. */
class Sleeper {
  wakes = 0;
  readonly stop: () => void;
  #wake: (() => void) | undefined;

  constructor(store: Store) {
    this.stop = store.watch(() => {
      this.wakes++;
      this.#wake?.();
    });
  }

  /** Resolves at the next wake after `act` was begun. */
  async wokenBy(act: () => Promise<unknown>): Promise<void> {
    const woken = new Promise<void>((resolve) => (this.#wake = resolve));
    const before = this.wakes;
    const acting = act();
    is(this.wakes === before, 'nobody is woken synchronously');
    await Promise.all([woken, acting]);
  }
}

export function watchTests(on: On): void {
  on('who watches is woken by what others do', async (place) => {
    const [worker, other] = [await place.worker('one'), await place.worker('other')];
    const sleeper = new Sleeper(other.store);
    await sleeper.wokenBy(() => worker.push(['a']));
    const a = await worker.one();
    await sleeper.wokenBy(() => worker.turn([retry(a)]));
    const again = await worker.one();
    await sleeper.wokenBy(() => worker.turn([done(again, [worker.moved(again, 'r')])]));
    const there = await worker.one({ queue: 'r' });
    await sleeper.wokenBy(() => worker.turn([dead(there)]));
    await sleeper.wokenBy(() => worker.store.redrive(['a'], undefined, true));
    await worker.claim(1, { queue: 'r' });
    await place.clock.advance(1_000);
    await sleeper.wokenBy(() => worker.reap(5, ['r']));
    const last = await worker.one({ queue: 'r' });
    await sleeper.wokenBy(() => worker.turn([done(last)]));
    sleeper.stop();
  });

  on('who stops watching is not woken', async (place) => {
    const [worker, other] = [await place.worker('one'), await place.worker('other')];
    const [stopped, going] = [new Sleeper(other.store), new Sleeper(other.store)];
    await going.wokenBy(() => worker.push(['a']));
    stopped.stop();
    const before = stopped.wakes;
    await going.wokenBy(() => worker.push(['b']));
    await going.wokenBy(() => worker.push(['c']));
    same(stopped.wakes, before, 'wakes of the one that stopped');
    stopped.stop();
    going.stop();
  });

  on('two handles that watch with one function are both woken', async (place) => {
    const workers = [await place.worker('one'), await place.worker('two')];
    let wake = (): void => {};
    const shared = (): void => wake();
    const stops = workers.map(({ store }) => store.watch(shared));
    for (const worker of workers) {
      const woken = new Promise<void>((resolve) => (wake = resolve));
      await worker.push([`of ${worker.name}`]);
      await woken;
    }
    stops[0]?.();
    const woken = new Promise<void>((resolve) => (wake = resolve));
    await workers[0]?.push(['last']);
    await woken;
    stops[1]?.();
  });

  on('a closed store wakes nobody, and keeps nobody from being woken', async (place) => {
    const [worker, closed, other] = [
      await place.worker('one'),
      await place.worker('two'),
      await place.worker('three'),
    ];
    const [sleeper, going] = [new Sleeper(closed.store), new Sleeper(other.store)];
    await closed.store.close();
    const before = sleeper.wakes;
    await going.wokenBy(() => worker.push(['a']));
    await going.wokenBy(() => worker.push(['b']));
    same(sleeper.wakes, before, 'wakes after the close');
    sleeper.stop();
    going.stop();
  });
}
