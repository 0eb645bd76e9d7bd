import { count, kilobytes, median, megabytes, ratio, times } from './figures.mjs';
import { targetsOf } from './targets.mjs';
import { work } from './work.mjs';

/** The results as tables: `{ title, note, rows }`, the first row the heads, all of text. */
export function tablesOf(plan, results) {
  return Object.entries(makers)
    .filter(([part]) => results[part] !== undefined)
    .flatMap(([part, make]) => make(results[part], plan, results))
    .concat(targets(plan, results))
    .filter(({ rows }) => rows.length > 1);
}

const makers = { rates, churn, setup, memory, start, sizes };

function rates(rates, { subjects, works }) {
  const heads = works.map((it) => work[it].title);
  const all = (cell) =>
    subjects.map(({ name, label }) => [label, ...works.map((it) => cell(rates[name][it]))]);
  const against = (cell) =>
    pairsOf(subjects).map(([ours, peer]) => [
      `${ours.label} ÷ ${peer.label}`,
      ...works.map((it) => cell(rates[ours.name][it], rates[peer.name][it])),
    ]);
  return [
    {
      title: 'Calls per second',
      note: '10 KB objects: echoes per second.',
      rows: [['', ...heads], ...all(({ rate }) => count(median(rate)))],
    },
    {
      title: 'Ours ÷ theirs',
      rows: [['', ...heads], ...against((ours, peer) => times(ratio(ours.rate, peer.rate)))],
    },
    {
      title: 'CPU time per call, both sides together, in µs',
      rows: [['', ...heads], ...all(({ cpu }) => median(cpu).toFixed(1))],
    },
    {
      title: 'Their CPU time ÷ ours',
      rows: [['', ...heads], ...against((ours, peer) => times(ratio(peer.cpu, ours.cpu)))],
    },
  ];
}

/** Ours with each of those on its path. */
function pairsOf(subjects) {
  const isOurs = ({ name }) => name.startsWith('ours-');
  return subjects
    .filter(isOurs)
    .flatMap((it) =>
      subjects.filter((peer) => peer.path === it.path && !isOurs(peer)).map((peer) => [it, peer]),
    );
}

function churn(runs) {
  const rows = runs.map(({ subject, count: calls, rates, clientGrowth, serverGrowth }) => [
    subject.label,
    count(calls),
    count(rates.at(0)),
    count(rates.at(-1)),
    megabytes(clientGrowth),
    megabytes(serverGrowth),
  ]);
  const heads = ['calls', 'first tenth, per second', 'last tenth', 'heap gained, client', 'server'];
  return {
    title: 'A fresh callback with each call, on one session',
    rows: [['', ...heads], ...rows],
  };
}

function setup(times) {
  const rows = times.map(({ subject, ms }) => [subject.label, ms.toFixed(2)]);
  const note = 'Connecting, saying hello, one call, on connections one after the other.';
  return {
    title: 'From nothing to the first answer, in ms',
    note,
    rows: [['', 'median'], ...rows],
  };
}

function memory(sizes) {
  const rows = sizes.map(({ subject, atClient, atServer }) => [
    subject.label,
    ...[atClient.heap, atServer.heap, atClient.rss, atServer.rss].map(kilobytes),
  ]);
  const heads = ['heap, client', 'heap, server', 'process, client', 'process, server'];
  const note = 'What the heap and the whole process grow by for each session, after collections.';
  return { title: 'An idle session', note, rows: [['', ...heads], ...rows] };
}

function start({ ms, all }) {
  const note =
    'Two programs that have no addresses, on loopback: multicast DNS finds the service. From `start()` to the first answer in a program that was already waiting for it.';
  const rows = [
    ['', 'median', 'least', 'most'],
    ['ms', ...[ms, Math.min(...all), Math.max(...all)].map((it) => it.toFixed(0))],
  ];
  return { title: 'From start to the first answer', note, rows };
}

function sizes(sizes) {
  const rows = sizes.map(({ name, bytes }) => [name, kilobytes(bytes)]);
  return { title: 'A page that imports it', rows: [['', 'minified and gzipped'], ...rows] };
}

function targets(plan, results) {
  const rows = targetsOf(results).map(({ what, goal, reached, met }) => [
    what,
    goal,
    reached,
    met ? 'reached' : 'short',
  ]);
  return { title: 'Figures to reach', rows: [['', 'goal', 'here', ''], ...rows] };
}
