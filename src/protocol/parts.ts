import type { Channel, ChannelHandlers } from '../channel/channel.js';
import { Emitter } from '../emitter.js';
import { DserviceError, type ErrorCode } from '../errors.js';
import { Calling } from './calling.js';
import type { CallingHost } from './calling-host.js';
import type { Continuity } from './continuity.js';
import { Controls, type ControlsHost, type Subscribe } from './controls.js';
import { Dispatch } from './dispatch.js';
import { Farewell, type FarewellHost } from './farewell.js';
import { Flow, type FlowHost } from './flow.js';
import type { HeartbeatHost } from './heartbeat.js';
import { Intake, type IntakeHost } from './intake.js';
import type { Message } from './message.js';
import type { SessionObserver } from './observer.js';
import { Pulse } from './pulse.js';
import { Serving, type ServingHost } from './serving.js';
import type { SessionEvents, SessionHandle } from './session-handle.js';
import type { SessionOptions } from './session-options.js';
import { Streams, type StreamsHost } from './streams/streams.js';
import { Wire, type WireHost } from './wire.js';

/** The session whose parts they are. */
export interface Owner extends SessionHandle {
  readonly continuity: Continuity | undefined;
  onMessage(message: Message, line: string): void;
  onRefused(error: DserviceError, reply: number | undefined, outcome: number | undefined): void;
  finish(code: ErrorCode, message: string): void;
  giveUp(error: DserviceError): void;
  onLost(cause: Error | undefined): void;
  end(error: DserviceError | undefined): void;
}

/** What each part asks of the others. */
type Hosts = ChannelHandlers &
  IntakeHost &
  WireHost &
  CallingHost &
  ServingHost &
  FlowHost &
  FarewellHost &
  StreamsHost &
  HeartbeatHost &
  ControlsHost;

/**
 * The parts of a session, and what each asks of the others: by methods of this, which all sessions share. Functions of
 * its own, some forty, took a third of what an idle session is.
 */
export class Parts implements Hosts {
  readonly #options: SessionOptions;
  readonly #owner: Owner;
  readonly channel: Channel;
  readonly events = new Emitter<SessionEvents>();
  readonly intake: Intake;
  readonly wire: Wire;
  readonly calling: Calling;
  readonly serving: Serving;
  readonly flow: Flow;
  readonly farewell: Farewell;
  readonly pulse: Pulse;
  readonly controls: Controls;
  readonly dispatch: Dispatch;
  /** Who watches the session. */
  observer: SessionObserver | undefined;
  /** Whether the channel keeps the process alive by itself. */
  held = true;

  constructor(options: SessionOptions, owner: Owner) {
    this.#options = options;
    this.#owner = owner;
    const channel = (this.channel = options.resume?.over(options.channel) ?? options.channel);
    this.intake = new Intake(options, this);
    this.wire = new Wire(options, channel, this);
    this.calling = new Calling(this.wire, options, this);
    this.serving = new Serving(this.wire, options, this);
    this.flow = new Flow(options, channel, this.intake, this.wire.outbox, this);
    this.farewell = new Farewell(options.clock, this);
    this.dispatch = new Dispatch(this.wire, this.calling, this.serving, this.intake);
    this.pulse = new Pulse(options, this);
    this.controls = new Controls(options, this);
  }

  get session(): SessionHandle {
    return this.#owner;
  }

  get continuity(): Continuity | undefined {
    return this.#owner.continuity;
  }

  get outstanding(): number {
    return this.calling.outstanding;
  }

  leave(): void {
    this.#owner.close();
  }

  receive(data: Uint8Array | string, moved?: readonly unknown[]): void {
    const { outbox } = this.wire;
    this.pulse.heard(this.intake.collecting);
    outbox.cork();
    this.intake.push(data, moved, this.channel);
    this.flow.read(data.length);
    this.continuity?.read(data.length);
    outbox.uncork();
  }

  drain(): void {
    this.flow.drained();
  }

  /** The channel has ended by itself. */
  close(error?: Error): void {
    this.#owner.onLost(error);
  }

  /** Whether the channel keeps the process alive, as calls, streams and functions of ours that the peer holds do. */
  hold(keep: boolean): void {
    this.held = keep;
    this.channel.hold?.(keep || !this.calling.pending.empty || this.wire.held);
  }

  onRefused(error: DserviceError, reply: number | undefined, outcome: number | undefined): void {
    this.#owner.onRefused(error, reply, outcome);
  }

  onMessage(message: Message, line: string): void {
    this.#owner.onMessage(message, line);
  }

  mayPass(message: Message): boolean {
    return this.dispatch.mayPass(message);
  }

  onFatal(code: ErrorCode, text: string): void {
    this.#owner.finish(code, text);
  }

  onError(error: unknown): void {
    this.events.emit('error', error);
  }

  onFail(error: DserviceError): void {
    this.events.emit('fail', error);
  }

  makeStreams(): Streams {
    return new Streams(this.#options, this);
  }

  onCall(): void {
    this.pulse.busy();
  }

  onSettled(): void {
    this.farewell.settled();
  }

  onUse(): void {
    if (!this.held) this.hold(false);
  }

  onStreamEnded(): void {
    this.farewell.served();
  }

  onDone(): void {
    if (!this.serving.overloaded) this.flow.resume('serving');
    this.farewell.served();
  }

  onRoom(): void {
    // Also where none of the peer's streams was ever read here.
    this.wire.anyStreams?.room();
    this.calling.release();
  }

  onOverflow(error: DserviceError): void {
    this.channel.destroy(error);
    this.#owner.end(error);
  }

  onStalled(why: string): void {
    this.#owner.giveUp(new DserviceError('ERR_TIMEOUT', why));
  }

  get canLeave(): boolean {
    return this.wire.agreed('bye');
  }

  sayBye(): void {
    this.wire.control('bye');
  }

  get busy(): number {
    return this.serving.count + (this.wire.anyStreams?.live ?? 0);
  }

  sendPing(n: number): void {
    this.wire.control('ping', `,"n":${n}`);
  }

  onSuspect(suspect: boolean): void {
    this.events.emit('suspect', suspect);
  }

  onDead(): void {
    this.#owner.giveUp(new DserviceError('ERR_HEARTBEAT', 'the peer shows no life'));
  }

  subscribe(...args: Parameters<Subscribe>): unknown {
    return this.#options.subscribe?.(this.#owner, ...args);
  }

  onBye(): void {
    this.events.emit('bye');
    this.farewell.onBye();
  }

  onCulled(): void {
    this.hold(this.held);
  }
}
