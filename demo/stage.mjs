// Starts the programs of the demo, prints what they say and who said it, and ends what it started.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const { stdout } = process;
const paint =
  stdout.isTTY && stdout.hasColors()
    ? (code, text) => `\u001b[${code}m${text}\u001b[0m`
    : (_, text) => text;
const colors = [36, 33, 35, 32, 34];
const width = 'caller-2013'.length;

/** Milliseconds that the programs have to end in good order. */
const patience = 3_000;

export class Stage {
  #actors = [];
  #colors = new Map();
  #closers = new Set();
  #seconds;
  #failed;
  #fail;
  /** The story was told: an interruption is the usual end. */
  #open = false;
  #moral;
  /** The lines at the bottom of a terminal, which are drawn anew. */
  #status = [];
  #leave;
  #left = new Promise((resolve) => (this.#leave = resolve));

  /** `moral`: what is said when all went well. */
  constructor({ seconds, moral }) {
    this.#seconds = seconds;
    this.#moral = moral;
    this.#failed = new Promise((_, reject) => (this.#fail = reject));
    // Whoever waits for something hears of it there.
    this.#failed.catch(() => {});
  }

  /** Plays to the end, or until something fails or the time is up; then everything is ended. */
  async play(script, afterwards = async () => {}) {
    const timer = setTimeout(() => this.#fail(new Error(this.#late())), this.#seconds * 1000);
    process.on('SIGINT', this.#interrupt).on('SIGTERM', this.#interrupt);
    const began = performance.now();
    try {
      await script();
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      this.tell(`${this.#moral} It took ${seconds} s.`);
      clearTimeout(timer);
      this.#open = true;
      await afterwards();
    } catch (error) {
      process.exitCode = { SIGINT: 130, SIGTERM: 143 }[error.signal] ?? 1;
      for (const actor of this.#actors) actor.kill();
      for (const line of await this.#reasons(error)) this.#print(paint(31, line));
    } finally {
      clearTimeout(timer);
      await Promise.allSettled([...this.#closers].map((close) => close()));
      for (const actor of this.#actors) actor.kill();
      // Nobody is left who could be told to end.
      process.off('SIGINT', this.#interrupt).off('SIGTERM', this.#interrupt);
    }
  }

  #interrupt = (signal) => {
    if (!this.#open) this.#fail(Object.assign(new Error('it was interrupted'), { signal }));
    // Who asks again does not want to wait.
    this.#open = false;
    this.#leave();
  };

  /** Until somebody interrupts; then the programs are told to end, and waited for. */
  async stay() {
    await Promise.race([this.#left, this.#failed]);
    this.tell();
    this.tell('They are told to end.');
    const running = this.#actors.filter(({ exited }) => !exited);
    const late = new Promise((resolve) => setTimeout(resolve, patience).unref());
    // The last one first: it may rely on those before it.
    const ended = Promise.all(running.toReversed().map((actor) => actor.stop()));
    await this.within(Promise.race([ended, late]));
  }

  /** What that gives; or rejects when the play has failed meanwhile. */
  within(promise) {
    return Promise.race([promise, this.#failed]);
  }

  /** To be called at the end, whatever happens. */
  keep(close) {
    this.#closers.add(close);
  }

  tell(text = '') {
    this.#print(text === '' ? '' : `${''.padEnd(width)}   ${paint(2, text)}`);
  }

  /** A line to be copied; `beside` is not. */
  show(text, beside = '') {
    this.#print(`${''.padEnd(width)}     ${paint(1, text)}${beside && `   ${paint(2, beside)}`}`);
  }

  /** Says something for somebody, in a color of their own. */
  say(name, line) {
    let color = this.#colors.get(name);
    if (color === undefined) {
      color = colors[this.#colors.size % colors.length];
      this.#colors.set(name, color);
    }
    this.#print(`${paint(color, name.padStart(width))} │ ${line}`);
  }

  /** Whether there is a terminal, on which can be drawn. */
  get terminal() {
    return stdout.isTTY;
  }

  /** Shows these, each a name and what is said of it, below all else, in place of those before. For a terminal. */
  status(lines) {
    const before = this.#status;
    this.#status = lines.map(([name, text]) =>
      `${name.padStart(width)} │ ${text}`.slice(0, stdout.columns - 1),
    );
    this.#draw(before);
  }

  #print(text) {
    this.#draw(this.#status, text);
  }

  /** In one writing, so that nothing flickers. */
  #draw(before, text) {
    const up = before.length === 0 ? '' : `\u001b[${before.length}F\u001b[0J`;
    const lines = [...(text === undefined ? [] : [text]), ...this.#status];
    stdout.write(up + lines.map((line) => `${line}\n`).join(''));
  }

  /** Starts a program of this folder, or one elsewhere. */
  start(name, file, ...args) {
    const actor = new Actor({
      ...{ name, file, args, failed: this.#failed },
      print: (line) => this.say(name, line),
      ended: (how, signal) => this.#ended(actor, how, signal),
      fail: this.#fail,
    });
    this.#actors.push(actor);
    return actor;
  }

  /** The program that was started under that name last. */
  actor(name) {
    return this.#actors.findLast((actor) => actor.name === name);
  }

  /** A program has ended that nobody has told to. */
  #ended(actor, how, signal) {
    // Ctrl-C reaches all programs of a terminal, and some are quicker than we are.
    if (signal === 'SIGINT') return this.#interrupt(signal);
    if (this.#open) return this.say(actor.name, how);
    return this.#fail(Object.assign(new Error(`${actor.name} ${how}`), { actor }));
  }

  /** Why it failed, by the words of the program that did. */
  async #reasons({ message, actor }) {
    // It may have ended before all that it said was read.
    await actor?.closed;
    const error = actor?.error;
    const lines = [`The demo failed: ${message}${error === undefined ? '' : `: ${error}`}`];
    if (!/no instance|ERR_DEPENDENCY/.test(error ?? message)) return lines;
    const how = 'by multicast DNS on the loopback interface: 224.0.0.251, UDP port 5353';
    return [
      ...lines,
      `Programs of one machine find each other ${how}.`,
      'Does a firewall block it?',
    ];
  }

  #late() {
    const waiting = this.#actors.filter((actor) => actor.awaited !== undefined);
    const what = waiting.map(({ name, awaited }) => `${name} has not ${awaited}`).join(', ');
    return `after ${this.#seconds} s ${what || 'it was not over'}`;
  }
}

class Actor {
  /** What is waited for at the moment. */
  awaited;
  exited = false;
  /** It was told to end. */
  stopping = false;
  #lines = [];
  #listeners = new Set();
  #child;
  #failed;

  constructor({ name, file, args, print, failed, ended, fail }) {
    this.name = name;
    this.#failed = failed;
    const env = { ...process.env };
    // The demo is for this machine alone.
    delete env.DSERVICE_REACH;
    this.#child = spawn(process.execPath, ['--stack-trace-limit=0', file, ...args], {
      cwd: import.meta.dirname,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#read(this.#child.stdout, print);
    this.#read(this.#child.stderr, print);
    this.#child.once('error', (error) =>
      fail(new Error(`${name} could not be started: ${error.message}`)),
    );
    this.#child.once('exit', (code, signal) => {
      this.exited = true;
      const how = code === null ? `was ended by ${signal}` : `ended with ${code}`;
      if (code !== 0 && !this.stopping) ended(how, signal);
    });
    // After the exit, when all it said was read.
    this.closed = new Promise((resolve) => this.#child.once('close', resolve));
  }

  /** What it said of an error that it ended with. */
  get error() {
    // Node puts an error without a stack into brackets.
    const said = this.#lines.map((line) => /^\[?\w*Error: (.+?)(\]?( \{)?)$/.exec(line));
    return said.find((match) => match !== null)?.[1];
  }

  /** Waits for a line that has this, and gives what matched. */
  says(what) {
    const awaited = `said "${what}"`;
    return this.#wait(awaited, (resolve) => {
      const look = () => {
        for (const line of this.#lines) {
          const match = typeof what === 'string' ? line.includes(what) && [what] : line.match(what);
          if (match) resolve(match);
        }
      };
      this.#listeners.add(look);
      look();
    });
  }

  /** Waits until it has ended by itself. */
  ended() {
    return this.#wait('ended', (resolve) => void this.closed.then(resolve));
  }

  /** Tells it to end, as a system does, and waits until it has finished what it does. */
  stop() {
    this.stopping = true;
    this.#child.kill('SIGTERM');
    return this.ended();
  }

  kill() {
    this.stopping = true;
    if (!this.exited) this.#child.kill('SIGKILL');
  }

  #read(stream, print) {
    createInterface({ input: stream }).on('line', (line) => {
      this.#lines.push(line);
      print(line);
      for (const look of this.#listeners) look();
    });
  }

  async #wait(awaited, begin) {
    this.awaited = awaited;
    const result = await Promise.race([new Promise(begin), this.#failed]);
    this.awaited = undefined;
    return result;
  }
}
