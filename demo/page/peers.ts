import type { InstanceRecord, Service } from 'dservice';
import { Peer, type PeerNews } from './peer.js';

/** So many this tab connects to by itself. */
const mostConnected = 40;

const pingEvery = 2_000;

export interface PeersOptions {
  /** The service of this tab, by which it calls others. */
  readonly tab: Service<object>;
  onNews(peer: Peer, news: PeerNews | 'came'): void;
}

/** All instances on the air. */
export class Peers {
  readonly #options: PeersOptions;
  readonly #all = new Map<string, Peer>();

  constructor(options: PeersOptions) {
    this.#options = options;
    options.tab.discovery.browse(undefined, ({ type, record }) => {
      if (type === 'down') this.#drop(record.id);
      else this.#put(record);
    });
    setInterval(() => this.#ping(), pingEvery);
    document.addEventListener('visibilitychange', () => this.#ping());
  }

  get(id: string): Peer | undefined {
    return this.#all.get(id);
  }

  /** This tab first, and the others by name and version. */
  get sorted(): Peer[] {
    return [...this.#all.values()].sort(
      (a, b) =>
        Number(b.self) - Number(a.self) ||
        a.record.name.localeCompare(b.record.name, 'en', { numeric: true }) ||
        a.record.version.localeCompare(b.record.version, 'en', { numeric: true }) ||
        a.record.id.localeCompare(b.record.id),
    );
  }

  #put(record: InstanceRecord): void {
    const known = this.#all.get(record.id);
    if (known !== undefined) return known.renew(record);
    const { tab, onNews } = this.#options;
    const peer: Peer = new Peer(record, {
      caller: tab,
      self: record.id === tab.id,
      onNews: (news) => onNews(peer, news),
    });
    this.#all.set(record.id, peer);
    onNews(peer, 'came');
    const connected = [...this.#all.values()].filter(({ wanted }) => wanted).length;
    if (connected < mostConnected) peer.connect();
  }

  #drop(id: string): void {
    const peer = this.#all.get(id);
    this.#all.delete(id);
    peer?.leave();
  }

  #ping(): void {
    if (document.visibilityState === 'hidden') return;
    for (const peer of this.#all.values()) void peer.ping();
  }
}
