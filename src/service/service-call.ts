import { OuterCall } from '../protocol/pipelining/outer-call.js';
import type { Connection } from './connection.js';

/** Has the calls written down that are made within `record`, as those of an instance. */
type RecordAt = (connection: Connection, record: () => Promise<unknown>) => Promise<unknown>;

/** A call to a service, made at one instance, or at several in turn. */
export class ServiceCall extends OuterCall<Connection> {
  readonly #recordAt: RecordAt;

  constructor(recordAt: RecordAt) {
    super();
    this.#recordAt = recordAt;
  }

  protected override fork(): ServiceCall {
    return new ServiceCall(this.#recordAt);
  }

  protected override recordAt(at: Connection, record: () => Promise<unknown>): Promise<unknown> {
    return this.#recordAt(at, record);
  }
}
