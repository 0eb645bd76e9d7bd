import { DserviceError } from '../errors.js';
import type { Limits } from '../limits.js';
import { bitsOf, type Feature, type Heard, readHello } from '../protocol/hello.js';
import { tellNobody } from '../protocol/methods.js';
import type { CallOptions } from '../protocol/options.js';
import type { Again } from '../protocol/pipelining/unsettled.js';
import type { Settled } from '../protocol/wire.js';
import type { Once, OnceParts } from '../protocol/once.js';

/** What both sides of one request can do, without saying so: all that needs no word back. */
const features: readonly Feature[] = [
  'reply',
  'types',
  'links',
  'own',
  'cull',
  'cancel',
  'meta',
  'pipeline',
  'map',
  'stream',
];

const agreed = /* @__PURE__ */ bitsOf(features);

/** The asking side of one request: all that is called leaves together, at `leave`. */
export class Asking implements Once {
  /** There from `begin` on, before anything is called. */
  #parts!: OnceParts;
  readonly #codecs: readonly string[];

  constructor(codecs: readonly string[] = []) {
    this.#codecs = codecs;
  }

  /** Who answers is taken to read lines as long as ours, and to have our codecs. */
  hello({ line }: Limits): Heard {
    return { v: 1, agreed, limits: { line }, codecs: this.#codecs };
  }

  begin(parts: OnceParts): void {
    const { wire, farewell, channel } = parts;
    this.#parts = parts;
    wire.outbox.enough = Infinity;
    wire.outbox.cork();
    // When the last outcome is in, or given up.
    farewell.adapt({ sayBye: () => channel.close() });
  }

  /** Calls the function at a path. Never throws. `again`, `settled`: see `Calling.made`. */
  call(
    path: readonly string[],
    args: unknown[],
    given: CallOptions | undefined,
    again: Again,
    settled: Settled | undefined,
  ): Promise<unknown> {
    const [name = ''] = path;
    // Two names are words of the protocol.
    const named = path.length === 1 && name !== 'methods' && name !== 'cull';
    const head = `"method":${JSON.stringify(named ? name : path)}`;
    return this.#parts.calling.made(head, path.join('.'), args, given, false, settled, again);
  }

  /** Characters of what was called. */
  get gathered(): number {
    return this.#parts.wire.outbox.gathered;
  }

  /** What was called leaves, and nothing else can be called. */
  leave(): void {
    const { calling, farewell, wire } = this.#parts;
    calling.seal(notThere);
    farewell.heard = true;
    wire.outbox.uncork();
  }

  cut(): boolean {
    return false;
  }

  end(): void {}
}

/** The answering side: it ends when nothing runs. */
export class Answering implements Once {
  readonly #said: unknown;
  readonly #auth: unknown;
  #parts: OnceParts | undefined;

  /** What the peer said of itself all the same, unchecked, and credentials that came beside it. */
  constructor(said: unknown, auth: unknown) {
    this.#said = said;
    this.#auth = auth;
  }

  hello(): Heard {
    const said = readHello(this.#said, features) ?? { v: 1, agreed, limits: {} };
    return { ...said, auth: said.auth === undefined ? this.#auth : said.auth };
  }

  begin(parts: OnceParts): void {
    const { wire, calling, serving, farewell, api } = parts;
    this.#parts = parts;
    wire.unanswered = unanswered;
    calling.streamsOver = () => unanswered('a stream');
    farewell.adapt({
      alone: true,
      sayBye() {},
      // Nobody can read on in a stream when the answer is there.
      serving: () => serving.count,
    });
    // Who asks where in the api a function stands that an outcome hands out has to be told.
    if (wire.local.paths !== undefined) tellNobody(wire, api);
  }

  cut(): boolean {
    return (this.#parts?.serving.count ?? 0) > 0;
  }

  end(): void {
    this.#parts?.calling.seal(answered);
  }
}

/** What a callback of a batch was called for has no way back. */
function unanswered(method: string): DserviceError {
  const text = `${method} of a batch was called: nothing comes back from there, but by a socket or events`;
  return new DserviceError('ERR_BATCH', text, { method, mayHaveRun: true });
}

/** A callback of a batch that is called when that was answered. */
function answered(): DserviceError {
  const text = 'the batch was answered: what is called back later needs a socket, or events';
  return new DserviceError('ERR_BATCH', text, { mayHaveRun: false });
}

/** What is called of an outcome of a batch has no way there. */
function notThere(): DserviceError {
  const text =
    'the batch has left: what an outcome has is called in the same turn, or over a socket or events';
  return new DserviceError('ERR_BATCH', text, { mayHaveRun: false });
}
