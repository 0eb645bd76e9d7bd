import { arrange, fill, h, say } from './element.js';
import { icon } from './icon.js';
import type { Peer } from './peer.js';
import { duration, shortId } from './text.js';

/** The instances on the air, by name. Each is a link to its own part of the page. */
export class ServiceList {
  readonly #element: HTMLElement;
  readonly #groups = new Map<string, Group>();

  constructor(element: HTMLElement) {
    this.#element = element;
  }

  show(peers: readonly Peer[], selected: string | undefined): void {
    const byName = new Map<string, Peer[]>();
    for (const peer of peers) {
      const { name } = peer.record;
      const group = byName.get(name);
      if (group === undefined) byName.set(name, [peer]);
      else group.push(peer);
    }
    for (const name of this.#groups.keys()) if (!byName.has(name)) this.#groups.delete(name);
    const elements = [...byName].map(([name, members]) => {
      let group = this.#groups.get(name);
      if (group === undefined) this.#groups.set(name, (group = new Group(name)));
      group.show(members, selected);
      return group.element;
    });
    arrange(this.#element, elements);
  }

  /** The link to an instance, to put the focus on. */
  link(id: string): HTMLElement | undefined {
    for (const group of this.#groups.values()) {
      const link = group.link(id);
      if (link !== undefined) return link;
    }
    return undefined;
  }
}

class Group {
  readonly element: HTMLElement;
  readonly #rows = new Map<string, Row>();
  readonly #list = h('ul', {});
  readonly #kind = h('span', { class: 'group-kind' });

  constructor(name: string) {
    const heading = h('h3', {}, h('bdi', {}, name));
    this.element = h('li', { class: 'group' }, h('div', {}, heading, this.#kind), this.#list);
  }

  show(peers: readonly Peer[], selected: string | undefined): void {
    const ids = new Set(peers.map(({ record }) => record.id));
    for (const id of this.#rows.keys()) if (!ids.has(id)) this.#rows.delete(id);
    const elements = peers.map((peer) => {
      const { id } = peer.record;
      let row = this.#rows.get(id);
      if (row === undefined) this.#rows.set(id, (row = new Row(id, peer.record.name)));
      row.show(peer, id === selected);
      return row.element;
    });
    arrange(this.#list, elements);
    const [first] = peers;
    say(this.#kind, peers.length === 1 ? (first?.kind ?? '') : `${peers.length} instances`);
  }

  link(id: string): HTMLElement | undefined {
    return this.#rows.get(id)?.link;
  }
}

class Row {
  readonly element: HTMLElement;
  readonly link: HTMLElement;
  readonly #version = h('span', { class: 'version' });
  readonly #state = h('span', { class: 'state' });
  readonly #badge = h('span', { class: 'badge' });
  readonly #roundTrip = h('span', { class: 'round-trip' });
  #badgeText = '';

  constructor(id: string, name: string) {
    this.link = h(
      'a',
      { href: `#/${id}`, class: 'row' },
      // The heading above says it to the eyes.
      h('span', { class: 'heard-only' }, name),
      h(
        'span',
        { class: 'row-who' },
        this.#version,
        h('span', { class: 'id', title: id }, shortId(id)),
        this.#state,
      ),
      h('span', { class: 'row-way' }, this.#badge, this.#roundTrip),
    );
    this.element = h('li', {}, this.link);
  }

  show(peer: Peer, selected: boolean): void {
    const { way, record, roundTrip } = peer;
    say(this.#version, record.version);
    const state = record.degraded === true ? 'degraded' : record.state;
    say(this.#state, state === 'up' ? '' : state);
    this.#state.hidden = state === 'up';
    this.#state.className = `state ${state}`;
    if (this.#badgeText !== way.label) {
      this.#badgeText = way.label;
      this.#badge.className = `badge ${way.kind}`;
      fill(this.#badge, icon(way.icon), way.label);
    }
    this.#badge.title = way.meaning;
    say(this.#roundTrip, roundTrip === undefined ? '' : duration(roundTrip));
    if (selected) this.link.setAttribute('aria-current', 'true');
    else this.link.removeAttribute('aria-current');
  }
}
