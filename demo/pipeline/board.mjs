// What is in the queues, as it changes: drawn anew on a terminal, a line now and then in a pipe.
import { setTimeout as pause } from 'node:timers/promises';

/** Milliseconds. */
const betweenLooks = 150;
const betweenLines = 2_000;

const queues = ['resolve', 'store'];
const nothing = { input: 0, working: 0, waiting: 0 };

export class Board {
  #stage;
  #names;
  #pushed;
  #ended = 0;
  #closed = false;
  #said = '';
  #saidAt = -Infinity;
  #waiting = new Set();
  #over;

  /** `pushed`: how many commands were pushed up to now. */
  constructor({ stage, names, pushed }) {
    this.#stage = stage;
    this.#names = names;
    this.#pushed = pushed;
    this.#over = this.#run();
    // Whoever waits for something hears of it there.
    this.#over.catch(() => {});
  }

  /** Resolves when so many commands have ended. */
  reaches(ended) {
    const reached = new Promise((resolve) => this.#waiting.add({ ended, resolve }));
    return this.#stage.within(Promise.race([reached, this.#over]));
  }

  /** Shows it for the last time. */
  async close() {
    this.#closed = true;
    await this.#over;
  }

  async #run() {
    while (!this.#closed) {
      this.#show(await this.#names.counts());
      await pause(betweenLooks);
    }
    this.#saidAt = -Infinity;
    this.#show(await this.#names.counts());
    this.#stage.status([]);
  }

  #show({ queues: counts, dead }) {
    const all = queues.map((name) => ({ name, ...nothing, ...counts[name] }));
    const left = all.reduce((sum, each) => sum + each.input + each.working + each.waiting, 0);
    this.#ended = this.#pushed() - left;
    for (const waiter of this.#waiting) if (waiter.ended <= this.#ended) waiter.resolve();
    const finished = this.#ended - dead;
    if (this.#stage.terminal) {
      const columns = (texts) => texts.map((text) => String(text).padStart(9)).join('');
      this.#stage.status([
        ['', columns(['input', 'working', 'waiting'])],
        ...all.map((each) => [each.name, columns([each.input, each.working, each.waiting])]),
        ['dead', columns([dead])],
        ['finished', columns([finished])],
      ]);
      if (!this.#closed) return;
    }
    const sum = (what) => all.reduce((total, each) => total + each[what], 0);
    const text = [
      ...all.map(({ name, input }) => `${name} ${input}`),
      ...[`in work ${sum('working')}`, `waiting ${sum('waiting')}`],
      ...[`dead ${dead}`, `finished ${finished}`],
    ].join(', ');
    const now = performance.now();
    if (text === this.#said || now - this.#saidAt < betweenLines) return;
    [this.#said, this.#saidAt] = [text, now];
    this.#stage.say('queues', text);
  }
}
