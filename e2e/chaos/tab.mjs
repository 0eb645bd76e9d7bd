// A worker in a tab: Playwright calls what `globalThis.chaos` has.
import { indexedDb, pipeline } from 'dservice/pipeline';
import { makeWorker } from './steps.mjs';

/** Facts go to the server of the page, which says when it has them. */
class Log {
  #facts = [];
  #sending;
  #name;

  constructor(name) {
    this.#name = name;
  }

  write(fact) {
    this.#facts.push(fact);
    this.#sending ??= this.#send();
  }

  async settled() {
    while (this.#sending !== undefined) await this.#sending;
  }

  async #send() {
    // What is written in the same turn goes together.
    await Promise.resolve();
    const body = JSON.stringify(this.#facts.splice(0));
    await fetch(`/facts?by=${this.#name}`, { method: 'POST', body }).catch(() => {});
    this.#sending = this.#facts.length > 0 ? this.#send() : undefined;
  }
}

let worker;

globalThis.chaos = async (what, ...args) => {
  if (what !== 'up') return worker[what](...args);
  const [settings] = args;
  worker = makeWorker(
    pipeline,
    indexedDb(settings.store.database),
    new Log(settings.name),
    settings,
  );
  return worker.start();
};
