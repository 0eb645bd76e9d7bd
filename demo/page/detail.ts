import { commandLine } from './copy.js';
import { arrange, fill, h, say } from './element.js';
import { icon, sparkline } from './icon.js';
import { MethodForm } from './method-form.js';
import { methodsOf } from './methods.js';
import { mostRoundTrips, type Peer } from './peer.js';
import { duration, harmless } from './text.js';

const usualDeadline = 10;

export interface DetailOptions {
  readonly peer: Peer;
  /** Another instance of the name that is on the air, for when this one is gone. */
  another(): Peer | undefined;
  tell(text: string, kind: 'good' | 'bad' | 'plain'): void;
}

/** One instance: who it is, how it is reached, and its methods to call. */
export class Detail {
  readonly element: HTMLElement;
  readonly heading: HTMLElement;
  readonly #options: DetailOptions;
  readonly #forms = new Map<string, MethodForm>();
  readonly #notice = h('p', { class: 'notice', role: 'status', hidden: true });
  readonly #way = h('p', { class: 'way-line' });
  readonly #meaning = h('p', { class: 'meaning' });
  readonly #facts = h('dl', { class: 'facts' });
  readonly #methods = h('div', { class: 'methods' });
  readonly #empty = h('p', { class: 'empty' });
  readonly #deadline = h('input', {
    ...{ type: 'number', min: 0.1, max: 600, step: 'any', value: usualDeadline },
    ...{ inputmode: 'decimal', class: 'deadline' },
  });
  #keys = 0;

  constructor(options: DetailOptions) {
    this.#options = options;
    const { record, self } = options.peer;
    this.heading = h(
      'h2',
      { tabindex: -1 },
      record.name,
      h('span', { class: 'version' }, record.version),
    );
    this.element = h(
      'article',
      { class: 'detail', 'aria-label': record.name },
      h('a', { href: '#', class: 'back' }, 'All services'),
      h('header', { class: 'detail-header' }, this.heading, this.#way, this.#meaning, this.#facts),
      this.#notice,
      h(
        'div',
        { class: 'methods-header' },
        h('h3', {}, self ? 'What others can call here' : 'Methods'),
        h('label', {}, 'Give up after ', this.#deadline, ' s'),
      ),
      h(
        'p',
        { class: 'hint', id: 'how-to-write' },
        'Write arguments as in a terminal: words, numbers, JSON, “quoted text”. The word ',
        h('code', {}, 'callback'),
        ' passes a function, whose calls you see.',
      ),
      this.#methods,
      this.#empty,
      h(
        'p',
        { class: 'terminal' },
        h('span', {}, 'Its methods, in a terminal'),
        commandLine(`npx dservice call ${record.name}`).element,
      ),
    );
    this.refresh();
  }

  /** Shows how it is now. */
  refresh(): void {
    const { peer } = this.#options;
    const { way, record, roundTrip } = peer;
    this.element.dataset.way = way.kind;
    fill(
      this.#way,
      h('span', { class: `badge ${way.kind}` }, icon(way.icon), way.label),
      roundTrip === undefined
        ? undefined
        : h('span', { class: 'round-trip' }, `${duration(roundTrip)} round trip`),
      peer.roundTrips.length > 1 ? sparkline(peer.roundTrips, mostRoundTrips) : undefined,
    );
    say(this.#meaning, way.meaning);
    // Where something is wrong, the notice says it.
    this.#meaning.hidden = way.kind === 'lost';
    this.#showFacts();
    this.#showNotice();
    this.#showMethods();
    say(this.#empty, this.#emptyText());
    this.#empty.hidden = this.#forms.size > 0;
    const waits = record.relies.map(({ name, range }) => `${name} ${range}`.trim());
    if (record.state === 'waiting' && waits.length > 0) {
      say(this.#meaning, `It waits for what it relies on: ${waits.join(', ')}.`);
    }
  }

  #showFacts(): void {
    const { peer } = this.#options;
    const { record } = peer;
    const { id, state, degraded, relies, endpoints } = record;
    const lacking = degraded === true ? `${state}, but lacks what it relies on` : state;
    const stateText = peer.gone ? 'gone' : lacking;
    const addresses = endpoints.filter((endpoint) => !endpoint.startsWith('relay:'));
    const facts: [string, string][] = [
      ['Instance', id],
      ['State', stateText],
    ];
    if (peer.kind !== undefined) facts.push(['Runs in', `a ${peer.kind}`]);
    if (relies.length > 0) {
      facts.push(['Relies on', relies.map(({ name, range }) => `${name} ${range}`).join(', ')]);
    }
    if (addresses.length > 0) facts.push(['Listens at', addresses.join(' ')]);
    const text = facts.flat().join('\n');
    if (this.#facts.dataset.text === text) return;
    this.#facts.dataset.text = text;
    fill(
      this.#facts,
      ...facts.map(([term, value]) =>
        h('div', {}, h('dt', {}, term), h('dd', {}, harmless(value, 400))),
      ),
    );
  }

  #showNotice(): void {
    const { peer, another } = this.#options;
    const { name } = peer.record;
    this.#notice.hidden = !peer.gone && peer.way.kind !== 'lost';
    if (this.#notice.hidden) return fill(this.#notice);
    if (!peer.gone) {
      const why = peer.why === undefined ? '' : ` The reason: ${harmless(peer.why, 300)}`;
      if (this.#notice.textContent !== peer.way.meaning + why)
        say(this.#notice, peer.way.meaning + why);
      return;
    }
    const other = another();
    fill(
      this.#notice,
      `This instance of ${name} has left. What it answered stays here. `,
      other === undefined
        ? 'When another one comes, it is in the list.'
        : h('a', { href: `#/${other.record.id}` }, `Go to another instance of ${name}`),
    );
  }

  #showMethods(): void {
    const { remote, record } = this.#options.peer;
    if (remote === undefined) return;
    const { methods, more } = methodsOf(remote);
    const labels = new Set(methods.map(({ path }) => JSON.stringify(path)));
    for (const label of this.#forms.keys()) if (!labels.has(label)) this.#forms.delete(label);
    const elements = methods.map((method) => {
      const label = JSON.stringify(method.path);
      let form = this.#forms.get(label);
      if (form === undefined) {
        form = new MethodForm({
          about: this.#options.peer.about.get(method.label),
          ...{ method, name: record.name, key: `${record.id}-${++this.#keys}` },
          remote: () => this.#options.peer.remote,
          deadline: () => this.#seconds * 1000,
          tell: (text, kind) => this.#options.tell(`${record.name}: ${text}`, kind),
        });
        this.#forms.set(label, form);
      }
      return form.element;
    });
    arrange(this.#methods, more ? [...elements, this.#more] : elements);
  }

  readonly #more = h('p', { class: 'hint' }, 'It has more methods than are shown here.');

  get #seconds(): number {
    const seconds = this.#deadline.valueAsNumber;
    return seconds > 0 ? Math.min(seconds, 600) : usualDeadline;
  }

  #emptyText(): string {
    const { peer } = this.#options;
    if (peer.remote !== undefined) return 'It is there, and has no methods.';
    if (peer.gone) return '';
    if (peer.record.state !== 'up') return 'Its methods are shown when it is up.';
    return 'Its methods are shown when this tab is connected to it.';
  }
}
