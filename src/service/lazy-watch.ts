import type { Watching, WatchOptions } from './cycle.js';

/** A watch whose code is loaded when it is first needed; where that fails, none is kept, and `start` times out. */
export function lazyWatch(
  options: WatchOptions,
  load: () => Promise<new (options: WatchOptions) => Watching>,
): Watching {
  let watch: Watching | undefined;
  let over = false;
  load().then(
    (Watch) => {
      if (!over) watch = new Watch(options);
    },
    () => {},
  );
  return {
    get cycle() {
      return watch?.cycle;
    },
    touch: () => watch?.touch(),
    stop() {
      over = true;
      watch?.stop();
    },
  };
}
