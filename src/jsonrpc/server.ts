import { DserviceError } from '../errors.js';
import { type Api, checkApi, makeApi } from '../protocol/api.js';
import { Admission, tooLate } from '../protocol/admission.js';
import { authorizeCall } from '../protocol/authorize.js';
import { callbackIndex, invoke, type Outcome } from '../protocol/bridge.js';
import { arrive } from '../protocol/chain.js';
import { arity, invokerOf, isChecked, type Sink } from '../protocol/checked.js';
import { ServedCall } from '../protocol/context.js';
import { type AnyFunction, messageOf } from '../protocol/encode.js';
import { Gates, type Place } from '../protocol/gates.js';
import { type MethodOptions, methodOptions } from '../protocol/method-options.js';
import type { Meta } from '../protocol/message.js';
import type { Peer } from '../protocol/session-handle.js';
import { readAuth } from '../http/auth.js';
import type { Answer, EngineHost, EngineServer, Exchange } from '../service/engine.js';
import { codes, writeFault } from './fault.js';
import { metaOf } from './headers.js';
import { type JsonOptions, valueToJson } from './json.js';
import { argumentsOf, findMethod } from './methods.js';
import { type Call, type CallId, readBody, type Refused } from './request.js';
import { Visit } from './visit.js';

/** What is answered where there is no response object: a status and a line of text. */
const statuses: Readonly<Record<string, readonly [number, string]>> = {
  ERR_LIMIT: [413, 'The body is too large.'],
  ERR_BUSY: [503, 'Too much is being read. Try again.'],
  ERR_MALFORMED: [400, 'The body is no UTF-8.'],
};

const usage = (at: string): string =>
  'A dservice listens here. It speaks dnode over TCP and WebSockets, and JSON-RPC 2.0 by POST:\n' +
  `curl -H 'content-type: application/json' -d '{"jsonrpc":"2.0","id":1,"method":"…","params":[]}' ${at}/`;

/**
 * Serves an api by JSON-RPC 2.0 (https://www.jsonrpc.org/specification) over HTTP: `POST /`, one call or a
 * batch. Each request stands for itself: it is let in or not, and has its own `context().session`.
 */
export class JsonRpcServer implements EngineServer {
  readonly #host: EngineHost;
  readonly #gates: Gates;
  readonly #json: JsonOptions;
  readonly #admission: Admission;
  /** Requests of which something runs. */
  readonly #visits = new Set<Visit>();
  /** Told when nothing runs any more. */
  readonly #waiting = new Set<() => void>();
  #api: Api;
  #running = 0;
  #closed = false;

  /** Throws ERR_API, ERR_NAME. */
  constructor(api: Api, host: EngineHost) {
    checkApi(api);
    this.#api = api;
    this.#host = host;
    this.#gates = host.gates ?? new Gates(host.clock);
    this.#admission = new Admission(host.authenticate, host.clock, host.limits.handshake);
    this.#json = { limits: host.limits, stacks: host.stacks === true };
  }

  answer(exchange: Exchange): Promise<Answer | undefined> | undefined {
    const { method, url } = exchange;
    if (url !== '/' && !url.startsWith('/?')) return undefined;
    if (method !== 'POST') {
      // The Host was looked at by the guard.
      const at = `${exchange.peer.transport}://${exchange.header('host')}`;
      return Promise.resolve(note(405, usage(at), { Allow: 'POST', Upgrade: 'websocket' }));
    }
    return this.#answer(exchange);
  }

  async #answer(exchange: Exchange): Promise<Answer | undefined> {
    let { peer }: { peer: Peer } = exchange;
    const gone = new AbortController();
    exchange.onGone(() => gone.abort());
    if (!this.#admission.admitted) {
      const auth = readAuth(exchange.header('authorization'));
      const identity = await this.#admission.decide(auth, peer);
      if (identity === tooLate) return note(503, 'It was not decided in time who is there.');
      if (identity === undefined) {
        return note(401, 'The credentials were not accepted.', { 'WWW-Authenticate': 'Bearer' });
      }
      peer = { ...peer, identity };
    }
    let text: string;
    try {
      text = await exchange.text();
    } catch (error) {
      const [status, line] = statuses[DserviceError.is(error) ? error.code : ''] ?? [400, ''];
      return note(status, line);
    }
    if (this.#closed) return note(503, 'This service has ended.');
    const visit = new Visit(peer, this.#host.observe);
    const leave = (): void => visit.end(new DserviceError('ERR_CANCELLED', 'the caller went away'));
    if (gone.signal.aborted) return undefined;
    gone.signal.addEventListener('abort', leave);
    // Once it has ended, what still runs has nobody to answer.
    const ended = new Promise<undefined>((resolve) => visit.on('end', () => resolve(undefined)));
    const served = this.#serve(
      text,
      visit,
      metaOf((name) => exchange.header(name)),
    );
    const outcome = await Promise.race([served, ended]);
    if (outcome === undefined || visit.ended) return undefined;
    return outcome === '' ? { status: 204 } : { status: 200, body: ['application/json', outcome] };
  }

  /** Runs what a body asks for. Resolves with the response object, the list of them, or '' for none. */
  async #serve(text: string, visit: Visit, meta: Meta): Promise<string> {
    const { limits } = this.#host;
    const body = readBody(text, limits);
    let api: object | undefined;
    const apiOf = (): object => (api ??= makeApi(this.#api, visit.remote, visit));
    const one = (call: Call | Refused): Promise<string> =>
      'error' in call
        ? Promise.resolve(this.#failure(call.id, call.error, call.code))
        : this.#call(call, visit, meta, apiOf);
    if (!isBatch(body)) return await one(body);
    // Those that are done wait for the others, and may not grow without bound meanwhile.
    let room = limits.unsentMax;
    const responses = await Promise.all(
      body.map(async (call) => {
        const response = await one(call);
        room -= response.length;
        if (room >= 0 || response === '') return response;
        const tooMuch = `the outcomes of this batch have more than ${limits.unsentMax} characters`;
        const error = new DserviceError('ERR_LIMIT', tooMuch, { mayHaveRun: true });
        return this.#failure(call.id ?? null, error, codes.server);
      }),
    );
    const told = responses.filter((response) => response !== '');
    return told.length === 0 ? '' : `[${told.join(',')}]`;
  }

  /** Runs one call. Resolves with its response; at once, and with '', for a notification. Never rejects. */
  #call(call: Call, visit: Visit, meta: Meta, apiOf: () => object): Promise<string> {
    const { clock, scope, callbacks, limits, service, maxVisits, authorize, intercept } =
      this.#host;
    const { id, method } = call;
    let fn: AnyFunction | undefined;
    let args: unknown[];
    let passed = meta.path;
    try {
      fn = findMethod(apiOf(), method);
      if (fn === undefined) return this.#refuse(call, 'ERR_METHOD', codes.method);
      if (this.#running >= limits.calls) return this.#refuse(call, 'ERR_BUSY', codes.server);
      args = argumentsOf(fn, call);
      if (service !== undefined) passed = arrive(passed, { name: service.name, maxVisits }, method);
    } catch (error) {
      if (id === undefined) return Promise.resolve('');
      const code =
        DserviceError.is(error) && error.code === 'ERR_DATA' ? codes.params : codes.internal;
      return Promise.resolve(this.#failure(id, error, code));
    }
    const said = methodOptions(fn);
    const checks = isChecked(said) ? { said, scope, callbacks, name: method } : undefined;
    this.#running++;
    return new Promise((resolve) => {
      const observed = visit.observer?.serve(method, meta);
      const running = new RunningCall(visit, meta, passed, clock, (failed, value, how) => {
        observed?.end(failed, value);
        if (--this.#running === 0) for (const done of [...this.#waiting]) done();
        if (visit.tables.serving === 0) this.#visits.delete(visit);
        if (how?.detail !== undefined) this.#untold(`a call of ${method}`, how.detail);
        if (id === undefined) {
          if (failed && how === undefined) this.#untold(`a notification of ${method}`, value);
        } else if (failed) resolve(this.#failure(id, value, how?.code));
        else resolve(this.#success(id, value));
      });
      visit.add(running);
      this.#visits.add(visit);
      // Whoever names a deadline is told when it has passed, and has no session to look after it.
      if (meta.deadline !== undefined && id !== undefined) {
        running.signal.addEventListener('abort', () => {
          resolve(this.#failure(id, late(method, running.signal.reason), codes.server));
        });
      }
      const handle = (values: unknown[], sink: Sink): void => {
        const got = said === undefined ? values.length : arity(said, values.length);
        const at = id === undefined ? undefined : callbackIndex(fn, got, callbacks);
        if (checks === undefined) scope.run(running, invoke, fn, values, at, sink);
        else scope.run(running, invokerOf(checks.said), checks, fn, values, at, running, sink);
      };
      const { peer } = visit;
      const request = { service: service?.name, method, name: method, args };
      const whole = { ...request, session: visit, peer, meta };
      const run = (): void =>
        intercept?.serve === undefined
          ? handle(args, running)
          : intercept.serve(running, whole, handle);
      const enter = (): void =>
        this.#enter(running, said, method, observed === undefined ? run : () => observed.run(run));
      if (authorize === undefined) enter();
      else authorizeCall({ authorize, scope }, running, whole, enter);
      if (id === undefined) resolve('');
    });
  }

  /** Runs a call when there is room for it among those of its method, or fails it with ERR_BUSY. */
  #enter(
    running: RunningCall,
    said: MethodOptions | undefined,
    method: string,
    run: () => void,
  ): void {
    if (said?.concurrency === undefined) return run();
    try {
      running.place = this.#gates.enter(method, said, {
        ...{ method, deadline: running.deadline },
        start(place) {
          running.place = place;
          run();
        },
        late: (error) => running.reject(error),
      });
    } catch (error) {
      running.reject(error);
    }
  }

  #success(id: CallId, value: unknown): string {
    try {
      const result = valueToJson(value, this.#json);
      return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result}}`;
    } catch (error) {
      if (DserviceError.is(error)) error.mayHaveRun = true;
      return this.#failure(id, error, codes.internal);
    }
  }

  #failure(id: CallId, error: unknown, code?: number): string {
    const fault = writeFault(error, this.#json, code);
    return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"error":${fault}}`;
  }

  #refuse({ id, method }: Call, code: 'ERR_METHOD' | 'ERR_BUSY', number: number): Promise<string> {
    if (id === undefined) return Promise.resolve('');
    const name = method.slice(0, 64);
    const text =
      code === 'ERR_METHOD'
        ? `there is no method "${name}"`
        : `${this.#host.limits.calls} calls are running already`;
    const error = new DserviceError(code, text, { method: name, mayHaveRun: false });
    return Promise.resolve(this.#failure(id, error, number));
  }

  #untold(what: string, error: unknown): void {
    this.#host.logger?.warn(`dservice: ${what} failed: ${messageOf(error)}`);
  }

  announce(api: object): void {
    this.#api = api;
  }

  drain(time: number): Promise<void> {
    if (this.#running === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        stop();
        this.#waiting.delete(done);
        resolve();
      };
      const stop = this.#host.clock.after(time, done);
      this.#waiting.add(done);
    });
  }

  close(): void {
    this.#closed = true;
    const reason = new DserviceError('ERR_CLOSED', 'the service was stopped');
    for (const visit of this.#visits) visit.end(reason);
    this.#visits.clear();
  }
}

/** What was wrong with a call, where it was not its handler. */
interface Wrong {
  /** The code of its error object. */
  readonly code: number;
  /** For who serves, who is at fault. */
  readonly detail?: DserviceError;
}

/** A handler that runs, until it has an outcome. */
class RunningCall extends ServedCall implements Outcome {
  readonly #visit: Visit;
  readonly #told: (failed: boolean, value: unknown, how?: Wrong) => void;
  #ended = false;
  /** Its place at the gate of its method, if that has one. */
  place: Place | undefined;

  constructor(
    visit: Visit,
    meta: Meta,
    passed: readonly string[] | undefined,
    clock: EngineHost['clock'],
    told: (failed: boolean, value: unknown, how?: Wrong) => void,
  ) {
    super(visit, meta, passed, clock);
    this.#visit = visit;
    this.#told = told;
  }

  override abort(reason: DserviceError): void {
    super.abort(reason);
    if (this.leaveWait() || this.place?.waits === true) this.reject(reason);
  }

  fulfil(value: unknown): void {
    this.#end(false, value);
  }

  reject(error: unknown): void {
    this.#end(true, error);
  }

  refuse(error: DserviceError): void {
    this.#end(true, error, { code: error.code === 'ERR_VALIDATION' ? codes.params : codes.server });
  }

  fault(told: DserviceError, detail: DserviceError): void {
    this.#end(true, told, { code: codes.internal, detail });
  }

  #end(failed: boolean, value: unknown, how?: Wrong): void {
    if (this.#ended) return;
    this.#ended = true;
    this.place?.leave();
    this.#visit.done(this);
    this.#told(failed, value, how);
  }
}

function isBatch(body: ReturnType<typeof readBody>): body is readonly (Call | Refused)[] {
  return Array.isArray(body);
}

function late(method: string, reason: unknown): DserviceError {
  if (DserviceError.is(reason) && reason.code !== 'ERR_DEADLINE') return reason;
  const text = `no outcome of ${method.slice(0, 64)} before its deadline`;
  return new DserviceError('ERR_DEADLINE', text, { mayHaveRun: true });
}

function note(status: number, text: string, headers?: Record<string, string>): Answer {
  return { status, body: ['text/plain; charset=utf-8', `${text}\n`], ...(headers && { headers }) };
}
