import { Announcer } from './announcer.js';
import { commandLine } from './copy.js';
import { Detail } from './detail.js';
import { byId, fill, say } from './element.js';
import { Log } from './log.js';
import { openNameDialog } from './name-dialog.js';
import { OrderPanel } from './order-panel.js';
import { ownName } from './own-name.js';
import type { Peer, PeerNews } from './peer.js';
import { Peers } from './peers.js';
import { RendezvousState } from './rendezvous-state.js';
import { ServiceList } from './service-list.js';
import { makeTab } from './tab.js';
import { counted, harmless } from './text.js';
import { Toasts } from './toasts.js';

/** Details that are kept, with what was typed and answered there. */
const mostDetails = 20;

const name = await ownName();
const log = new Log(byId('log', HTMLElement));
const announcer = new Announcer(byId('announcer', HTMLElement));
const toasts = new Toasts(byId('toasts', HTMLElement));
const list = new ServiceList(byId('services', HTMLElement));
const stage = byId('detail', HTMLElement);
const welcome = byId('welcome', HTMLElement);

const tab = makeTab({ name, log, toasts });
document.title = `${name}, a tab of dservice`;
say(byId('own-name', HTMLElement), name);
byId('rename', HTMLElement).addEventListener('click', () => openNameDialog(name));
byId('own-command', HTMLElement).append(commandLine(`npx dservice call ${name} alert hi`).element);

const details = new Map<string, Detail>();
let shown: Detail | undefined;
let drawing: ReturnType<typeof setTimeout> | undefined;

const peers = new Peers({ tab, onNews });
const rendezvous = new RendezvousState({
  discovery: tab.discovery,
  badge: byId('air', HTMLElement),
  notice: byId('air-notice', HTMLElement),
  onNews(news) {
    const text =
      news === 'connected' ? 'The rendezvous is there.' : 'The rendezvous does not answer.';
    log.add(text, news === 'connected' ? 'good' : 'bad');
    announcer.tell(text);
    draw();
  },
});

new OrderPanel({
  tab,
  onNews(text, kind) {
    log.add(text, kind);
    announcer.tell(text);
  },
});
tab.start().catch((error: unknown) => log.add(harmless(String(error), 300), 'bad'));
addEventListener('hashchange', () => select(true));
addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || event.defaultPrevented || selectedId() === undefined) return;
  if (document.querySelector('dialog[open]') !== null) return;
  const { target } = event;
  if (target instanceof Element && target.closest('.toast') !== null) return;
  location.hash = '';
});
byId('skip', HTMLElement).addEventListener('click', (event) => {
  event.preventDefault();
  (shown?.heading ?? byId('welcome-heading', HTMLElement)).focus();
});
select(false);

/** The instance that the address names. */
function selectedId(): string | undefined {
  return /^#\/([0-9a-f]{16})$/.exec(location.hash)?.[1];
}

/** Shows what the address names. `moved`: the person went there, and the focus goes along. */
function select(moved: boolean): void {
  const before = shown?.element.dataset.id;
  const id = selectedId();
  const peer = id === undefined ? undefined : peers.get(id);
  shown = id === undefined ? undefined : (details.get(id) ?? open(peer));
  if (peer !== undefined) peer.connect();
  document.body.dataset.view = shown === undefined ? 'list' : 'detail';
  welcome.hidden = shown !== undefined;
  fill(stage, shown?.element);
  draw();
  if (!moved) return;
  if (shown !== undefined) {
    shown.refresh();
    shown.heading.focus({ preventScroll: false });
  } else if (before !== undefined) {
    const back = list.link(before);
    (back ?? byId('services-heading', HTMLElement)).focus();
  }
}

function open(peer: Peer | undefined): Detail | undefined {
  if (peer === undefined) return undefined;
  const { record } = peer;
  const detail = new Detail({
    peer,
    another: () =>
      peers.sorted.find((other) => other !== peer && other.record.name === record.name),
    tell(text, kind) {
      log.add(text, kind);
      announcer.tell(text);
    },
  });
  detail.element.dataset.id = record.id;
  details.set(record.id, detail);
  for (const [id] of details) {
    if (details.size <= mostDetails) break;
    if (id !== record.id) details.delete(id);
  }
  return detail;
}

function onNews(peer: Peer, news: PeerNews | 'came'): void {
  const { record, way, self } = peer;
  const who = self ? 'this tab' : `${record.name} ${record.version}`;
  if (news === 'came' && !self) log.add(`${who} came`);
  else if (news === 'gone' && !self) log.add(`${who} left`);
  else if (news === 'connected' && !self) log.add(`${who} is reached: ${way.label}`);
  else if (news === 'moved') log.add(`${who} is now reached: ${way.label}`, 'good');
  else if (news === 'away')
    log.add(`${who}: the connection was lost, another is looked for`, 'bad');
  else if (news === 'lost') log.add(`${who}: the connection has ended`, 'bad');
  else if (news === 'failed')
    log.add(`${who} was not reached: ${harmless(peer.why ?? '', 200)}`, 'bad');
  // An address may name what is heard of only now.
  if (news === 'came' && record.id === selectedId() && shown === undefined) select(false);
  draw();
}

/** Soon, and once for all that happens meanwhile. */
function draw(): void {
  drawing ??= setTimeout(() => {
    drawing = undefined;
    const all = peers.sorted;
    list.show(all, selectedId());
    shown?.refresh();
    const others = all.filter(({ self }) => !self);
    say(byId('count', HTMLElement), counted(all.length, 'instance'));
    showEmpty(others.length === 0);
  }, 30);
}

function showEmpty(nobody: boolean): void {
  const empty = byId('nobody', HTMLElement);
  empty.hidden = !nobody;
  const texts = {
    connecting: 'Looking for others…',
    connected:
      'Nobody else is on the air yet. Open a second tab, or start a service in a terminal.',
    lost: 'Nobody can be seen while the rendezvous does not answer.',
  };
  say(empty, texts[rendezvous.state]);
}
