// A worker in a tab: Playwright calls what `globalThis.chaos` has.
import { indexedDb, pipeline } from 'dservice/pipeline';
import { makeWorker } from './steps.mjs';

/** Facts go to the server of the page, some at once; it says when it has them. */
class Log {
  #facts = [];
  #sending = Promise.resolve();
  /** When those that are not sent yet will have been. */
  #next;
  #name;

  constructor(name) {
    this.#name = name;
  }

  write(fact) {
    this.#facts.push(fact);
    this.#next ??= this.#sending.then(() => this.#send());
  }

  settled() {
    return this.#next ?? this.#sending;
  }

  #send() {
    this.#next = undefined;
    const body = JSON.stringify(this.#facts.splice(0));
    this.#sending = fetch(`/facts?by=${this.#name}`, { method: 'POST', body }).catch(() => {});
    return this.#sending;
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
