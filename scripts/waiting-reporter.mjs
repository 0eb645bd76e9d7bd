// A reporter of vitest's: tells which tests are running when none has ended for a while. A test that hangs in native
// code, or in a loop, has no time limit that could end it: this is what says which one it is.

/** ms without an end of any test after which those that run are told, and again after as many. */
const patience = 60_000;

export default class WaitingReporter {
  #running = new Map();
  #timer;

  onTestModuleStart(module) {
    this.#running.set(module.id, module.relativeModuleId);
    this.#wait();
  }

  onTestModuleEnd(module) {
    this.#running.delete(module.id);
    this.#wait();
  }

  onTestCaseReady(test) {
    this.#running.set(test.id, `${test.module.relativeModuleId} > ${test.fullName}`);
    this.#wait();
  }

  onTestCaseResult(test) {
    this.#running.delete(test.id);
    this.#wait();
  }

  onTestRunEnd() {
    clearInterval(this.#timer);
  }

  #wait() {
    clearInterval(this.#timer);
    const since = Date.now();
    this.#timer = setInterval(() => {
      const seconds = Math.round((Date.now() - since) / 1000);
      console.log(
        `nothing has ended for ${seconds} s; running: ${[...this.#running.values()].join('; ')}`,
      );
    }, patience);
    this.#timer.unref();
  }
}
