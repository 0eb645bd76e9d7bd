/**
 * @typedef {object} Subject
 * @property {string} name   as it is said on the command line
 * @property {string} label  as it stands in the report
 * @property {'tcp' | 'unix' | 'ws' | 'port'} path
 * @property {string} file   exports `connect(endpoint)` → { shout, echo, close } and, but for ports,
 *                           `serve(path)` → { endpoint, close }
 * @property {number} [burst]  calls at once, where it does not survive 5,000
 */

/** @type {Subject[]} */
export const subjects = [
  { name: 'ours-tcp', label: 'dservice over TCP', path: 'tcp', file: 'dservice' },
  { name: 'bare-tcp', label: 'bare TCP', path: 'tcp', file: 'bare-socket' },
  { name: 'dnode', label: 'dnode over TCP', path: 'tcp', file: 'dnode', burst: 500 },
  { name: 'ours-unix', label: 'dservice over a unix socket', path: 'unix', file: 'dservice' },
  { name: 'bare-unix', label: 'bare unix socket', path: 'unix', file: 'bare-socket' },
  { name: 'ours-ws', label: 'dservice over WebSocket', path: 'ws', file: 'dservice' },
  { name: 'bare-ws', label: 'bare WebSocket', path: 'ws', file: 'bare-ws' },
  { name: 'capnweb', label: 'capnweb over WebSocket', path: 'ws', file: 'capnweb' },
  { name: 'birpc', label: 'birpc over WebSocket', path: 'ws', file: 'birpc' },
  { name: 'trpc', label: 'tRPC over WebSocket', path: 'ws', file: 'trpc' },
  { name: 'ours-port', label: 'dservice over MessagePort', path: 'port', file: 'dservice-port' },
  { name: 'bare-port', label: 'bare MessagePort', path: 'port', file: 'bare-port' },
  { name: 'comlink', label: 'Comlink over MessagePort', path: 'port', file: 'comlink' },
];

/** Bytes there and back, without a protocol. */
export const bareBytes = ['tcp', 'ws'].map((path) => {
  return { name: `bare-bytes-${path}`, label: `bare bytes over ${path}`, path, file: 'bare-bytes' };
});

/** A stream of bytes, without a protocol. */
export const bareFlow = ['tcp', 'ws'].map((path) => {
  return { name: `bare-flow-${path}`, label: `bare stream over ${path}`, path, file: 'bare-flow' };
});

/** Ours by name, for the time that finding takes. */
export const service = {
  name: 'service',
  label: 'dservice by name',
  path: 'mdns',
  file: 'service',
};

/** Instances that go, and who calls them. */
export const healing = { ...service, name: 'healing', label: 'instances', file: 'healing' };

/** A rendezvous, and many of its clients. */
export const rendezvous = {
  name: 'rendezvous',
  label: 'a rendezvous',
  path: 'ws',
  file: 'rendezvous',
};
export const meeting = {
  name: 'meeting',
  label: 'a page with a rendezvous',
  path: 'ws',
  file: 'meeting',
};
export const crowd = { name: 'crowd', label: 'clients of a rendezvous', path: 'ws', file: 'crowd' };

/** What a page runs. */
export const tab = { name: 'tab', label: 'dservice as in a page', path: 'ws', file: 'tab' };

/** Two whose connection is cut: see resume.mjs. */
export const resumed = { name: 'resumed', label: 'dservice, cut', path: 'tcp', file: 'resumed' };

/** What has queues: see contest.mjs. */
export const queueSubjects = ['pipeline', 'bullmq', 'bare-redis', 'bare-lmdb'].map((name) => {
  return { name, label: name, path: 'queues', file: name };
});

/** All that a process can be. */
export const all = [
  ...[...subjects, service, healing, rendezvous, meeting, crowd, tab, resumed],
  ...queueSubjects,
  ...bareBytes,
  ...bareFlow,
];

/** @param {Subject} subject */
export function load(subject) {
  return import(new URL(`${subject.file}.mjs`, import.meta.url).href);
}
