import { carriers as attachmentCarriers, sizes as attachmentSizes } from './attachments.mjs';
import { count, kilobytes, median, megabytes, ratio, times } from './figures.mjs';
import { pageSubjects, pageWorks } from './page.mjs';
import { portSubjects } from './page-worker.mjs';
import { pipelineTables } from './pipeline-tables.mjs';
import { relayWorks } from './relay.mjs';
import { amount } from './resume.mjs';
import { atOnce } from './sessions.mjs';
import {
  carriers as streamCarriers,
  passes as streamPasses,
  ways as streamWays,
} from './streams.mjs';
import { targetsOf } from './targets.mjs';
import { counted } from './where-the-time-goes.mjs';
import { work } from './work.mjs';

/** The results as tables: `{ title, note, rows }`, the first row the heads, all of text. */
export function tablesOf(plan, results) {
  return Object.entries(makers)
    .filter(([part]) => results[part] !== undefined)
    .flatMap(([part, make]) => make(results[part], plan, results))
    .concat(targets(plan, results))
    .filter(({ rows }) => rows.length > 1);
}

/** Of the table that says what is reached. */
export const goalsTitle = 'Figures to reach';

const makers = {
  ...{
    rates,
    churn,
    setup,
    memory,
    start,
    'round-trips': roundTrips,
    batches,
    healing,
    page,
    'page-worker': pageWorker,
    attachments,
    streams,
    sessions,
    attacks,
    'where-the-time-goes': whereTheTimeGoes,
    direct,
    relay,
    rendezvous,
    resume,
  },
  ...pipelineTables,
  sizes,
};

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

function roundTrips(results) {
  const note =
    'Through a proxy that holds everything back for 50 ms, each way. A chain: `user(name).orders().latest().total`, each call on the outcome of the one before, sent at once; and the same with each outcome awaited.';
  const rows = Object.entries(results).map(([name, { one, chain, ratio, awaited }]) => [
    name,
    ...[one, chain].map((it) => it.toFixed(1)),
    times(ratio),
    awaited.toFixed(1),
  ]);
  const heads = ['', 'one call, ms', 'chain of three', 'chain ÷ one', 'awaited one by one'];
  return { title: 'A chain of calls over a slow way', note, rows: [heads, ...rows] };
}

function batches(results) {
  const note =
    'One request after the other, each answered before the next; the servers are in one process, their callers in another. A chain is `user(name).orders().latest().total`: one request, but for tRPC, where each outcome is awaited. In brackets: ÷ what ours takes, in the same round.';
  const rows = Object.entries(results).map(([name, tasks]) => [
    name,
    ...Object.values(tasks).map(({ ms, ratio }) => `${ms.toFixed(2)} (${times(ratio)})`),
  ]);
  const heads = ['', 'one call, ms', '10 calls', '100 calls', 'chain of three'];
  return { title: 'Several calls in one HTTP request', note, rows: [heads, ...rows] };
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

function healing({ killed, frozen, rolling }) {
  const note =
    'Three instances in processes of their own (five for the restart), found by multicast DNS; each call takes 5 ms there. Killed: SIGKILL under 64 idempotent calls in flight. Frozen: SIGSTOP under 64 in flight with a deadline of 3 s; until the last call that went there. Restarted: SIGTERM and a new one, one after the other, under 5,000 calls a second.';
  const cells = ({ calls, errors, median, slowest }) => {
    const failed = Object.entries(errors).map(([code, times]) => `${times} ${code}`);
    return [count(calls), failed.join(', ') || 'none', median.toFixed(1), slowest.toFixed(0)];
  };
  return {
    title: 'When instances go',
    note,
    rows: [
      ['', 'calls', 'failed', 'median, ms', 'slowest, ms', ''],
      ['one of three is killed', ...cells(killed), ''],
      ['one of three is frozen', ...cells(frozen), `out after ${frozen.out.toFixed(0)} ms`],
      [
        'five are restarted',
        ...cells(rolling),
        `${count(rolling.calls / rolling.seconds)} calls/s`,
      ],
    ],
  };
}

function page({ rates, version }) {
  const works = Object.keys(pageWorks);
  const [ours] = pageSubjects;
  const rows = pageSubjects.map(({ name, label }) => [
    label,
    ...works.map((it) => count(median(rates[name][it].rate))),
    ...works.map((it) =>
      name === ours.name ? '' : times(ratio(rates[ours.name][it].rate, rates[name][it].rate)),
    ),
  ]);
  const heads = works.map((it) => work[it].title);
  return {
    title: 'From a page',
    note: `A page in Chromium ${version} calls servers in Node, each a process of its own. Calls per second.`,
    rows: [['', ...heads, ...heads.map((it) => `ours ÷ theirs, ${it}`)], ...rows],
  };
}

function pageWorker({ rates, version }) {
  const works = Object.keys(pageWorks);
  const rows = Object.entries(portSubjects).map(([name, label]) => [
    label,
    ...works.map((it) => count(median(rates[name][it]))),
    ...works.map((it) => (name === 'ours' ? '' : times(ratio(rates.ours[it], rates[name][it])))),
  ]);
  const heads = works.map((it) => work[it].title);
  return {
    title: 'From a page to its worker',
    note: `Over a MessagePort, in Chromium ${version}. Calls per second.`,
    rows: [['', ...heads, ...heads.map((it) => `ours ÷ theirs, ${it}`)], ...rows],
  };
}

function attachments(figures) {
  return carried(figures, attachmentCarriers, {
    title: 'Bytes there and back, MB/s each way',
    note: 'A Uint8Array, one echo after the other. Bare: its length and its bytes over TCP, one frame over a WebSocket. Bytes on the wire: by the count of the client’s sockets, for each byte that it sent or got back.',
    columns: Object.fromEntries(Object.keys(attachmentSizes).map((it) => [it, it])),
  });
}

function streams(figures, { stream }) {
  return carried(figures, streamCarriers, {
    title: 'Streams, MB/s',
    note: `A ReadableStream of ${count(stream / 2 ** 20)} MiB in chunks of 64 KiB, as an outcome or an argument of a call, until all of it is read, after ${streamPasses} of them for warming up (the first goes at a third of the rate, until its code is compiled); what is left between ours and the bare ones is in [decisions/attachments.md](decisions/attachments.md). Bare: Node’s streams and \`pipeline()\`, with nothing but a socket between them; for the WebSocket the \`createWebSocketStream\` of \`ws\`. Bytes on the wire: by the count of the client’s sockets, for each byte of the stream.`,
    columns: streamWays,
  });
}

/** What ours and others carry over each path, `[path][subject][column] = { rate, wire }`, beside the bare one. */
function carried(figures, carriers, { title, note, columns }) {
  const keys = Object.keys(columns);
  const heads = [
    ...Object.values(columns),
    ...Object.values(columns).map((it) => `÷ bare, ${it}`),
    ...Object.values(columns).map((it) => `on the wire, ${it}`),
  ];
  const rows = Object.entries(figures).flatMap(([path, by]) => {
    const [bare] = carriers[path];
    return carriers[path].map(({ name, label }) => [
      label,
      ...keys.map((it) => (median(by[name][it].rate) / 1e6).toFixed(0)),
      ...keys.map((it) =>
        name === bare.name ? '' : times(ratio(by[name][it].rate, by[bare.name][it].rate)),
      ),
      ...keys.map((it) => `× ${median(by[name][it].wire).toFixed(3)}`),
    ]);
  });
  return { title, note, rows: [['', ...heads], ...rows] };
}

function sessions({ crowd, all }) {
  const rows = all.map(({ subject, seconds, ms, answered, atClient, atServer, closing, left }) => [
    subject.label,
    count(answered),
    `${seconds.toFixed(1)} s`,
    `${ms.toFixed(0)} ms`,
    ...[atClient.heap, atServer.heap, atClient.rss, atServer.rss].map(kilobytes),
    // What a bare one has at its end is not known here.
    left === undefined ? '' : `${closing.toFixed(0)} ms`,
    left === undefined ? '' : count(left),
  ]);
  const heads = [
    ...['answered', 'until all are there', 'a call on each, at once'],
    ...['heap, client', 'heap, server', 'process, client', 'process, server'],
    ...['until all are closed', 'left in any table'],
  ];
  return {
    title: `${count(crowd)} sessions of one process`,
    note: `With one other process, ${atOnce} being opened at a time, each with a first call. Then one call on each of them. What the heap and the whole process have grown by for each, after collections. At last all are closed by the client: until the server knows, and what any table holds then at either side. A process needs an open file for each session, and some: \`ulimit -n 16384\` before, and in a service’s unit \`LimitNOFILE=\`; and a server a higher limit than the usual one of sessions, and of those from one address: \`limits: { sessions, sessionsPerAddress }\`. An idle session over TCP, of an api of ten methods, is, at the side that dialled: 2 kB of Node’s socket, 2 kB of the ten functions and what stands behind them, and 6 kB of the session: some twenty objects of 40 to 190 bytes for its two halves, its tables, the reader of lines, the outbox, back-pressure, heartbeat and farewell, and the channel. At the side that serves, the functions are a table of ids, 1.5 kB.`,
    rows: [['', ...heads], ...rows],
  };
}

function whereTheTimeGoes({ codec, traffic }) {
  const ns = (times) => count(median(times));
  const per = (figure) => (figure < 10 ? figure.toFixed(1) : count(figure));
  return [
    {
      title: 'Where the time goes: the codec alone, in ns for a message',
      note: 'In one process, without a channel. Encoded: the arguments. Decoded: from a line to arguments that can be passed on; bare, `JSON.parse` of what the bare channels send.',
      rows: [
        [
          '',
          'encoder',
          'JSON.stringify',
          'encoder ÷ JSON',
          'decoder',
          'JSON.parse',
          'decoder ÷ JSON',
        ],
        ...Object.entries(codec).map(([title, { encode, stringify, decode, parse }]) => [
          title,
          ...[ns(encode), ns(stringify), times(ratio(encode, stringify))],
          ...[ns(decode), ns(parse), times(ratio(decode, parse))],
        ]),
      ],
    },
    {
      title: 'Where the time goes: 1,000 calls on the wire',
      note: 'With 64 in flight, counted at the client’s socket: calls of the system that write and read, lines and bytes that it sends, bytes that it gets.',
      rows: [
        ['', 'writes', 'reads', 'lines', 'bytes sent', 'bytes got'],
        ...counted.map(({ name, label }) => {
          const { writes, reads, lines, sent, got } = traffic[name];
          return [label, ...[writes, reads, lines, sent, got].map(per)];
        }),
      ],
    },
  ];
}

function direct({ bareSeq, ourSeq, bareMany, ourMany, bareBulk, ourLetters, ourOctets }) {
  const speed = (rates) => (median(rates) / 1e6).toFixed(1);
  const trip = (rates) => (1000 / median(rates)).toFixed(2);
  const note =
    'Two pages of one Chromium, each in a process of its own, in a network namespace. Ours is a service by name whose session has moved from the rendezvous to WebRTC. 16 MB: as binary pieces of 16 KiB, with a threshold for the bytes that are unsent; ours as calls with 64 KiB each, 8 in flight. Bytes follow the line of their call, as they are.';
  return {
    title: 'From page to page, directly',
    note,
    rows: [
      ['', 'round trip, ms', '64 in flight, per second', '16 MB, MB/s'],
      ['a bare data channel', trip(bareSeq), count(median(bareMany)), speed(bareBulk)],
      ['dservice, strings', trip(ourSeq), count(median(ourMany)), speed(ourLetters)],
      ['dservice, Uint8Array', '', '', speed(ourOctets)],
      [
        'dservice ÷ bare, strings',
        // Of times, not of rates.
        times(ratio(bareSeq, ourSeq)),
        times(ratio(ourMany, bareMany)),
        times(ratio(ourLetters, bareBulk)),
      ],
      ['dservice ÷ bare, Uint8Array', '', '', times(ratio(ourOctets, bareBulk))],
    ],
  };
}

function relay({ relay, direct }) {
  const works = [...relayWorks, 'bulk'];
  const row = (label, cell) => [label, ...works.map((it) => cell(it, it === 'bulk' ? 1_000 : 1))];
  const note =
    'What goes through the rendezvous instead of a WebSocket of its own: two programs that run what a page runs, and the rendezvous, on loopback. CPU time in µs: of all processes for a call, or for a kB of the data.';
  return {
    title: 'What the relay costs',
    note,
    rows: [
      ['', ...relayWorks.map((it) => `${work[it].title}, per second`), '64 KiB calls, MB/s'],
      row('relayed', (it) => shown(median(relay[it].rate))),
      row('over a WebSocket', (it) => shown(median(direct[it].rate))),
      row('relayed ÷ WebSocket', (it) => times(ratio(relay[it].rate, direct[it].rate))),
      row('CPU time, relayed', (it, per) => (median(relay[it].cpu) / per).toFixed(1)),
      row('of it at the rendezvous', (it, per) => (median(relay[it].hubCpu) / per).toFixed(1)),
      row('CPU time, over a WebSocket', (it, per) => (median(direct[it].cpu) / per).toFixed(1)),
    ],
  };
}

function resume({ lost, before, calls, callbacks, once, notOnce, ms, callbacksMs }) {
  const { away, bytes } = amount;
  return {
    title: 'A connection that is cut',
    note: `For ${away / 1_000} s, by resets, over TCP: ${count(amount.calls)} calls that wait for their outcome, and ${count(amount.callbacks)} callbacks of ${count(bytes)} characters each that the other side awaits, of which ${count(before)} had come. Cuts that were noticed: ${lost}.`,
    rows: [
      ['', 'outcomes', 'ran or came not once', 'ms from the mending to the last'],
      ['calls', count(calls), count(notOnce), count(ms)],
      ['callbacks', count(callbacks), count(amount.callbacks - once), count(callbacksMs)],
    ],
  };
}

function shown(figure) {
  return figure < 100 ? figure.toFixed(1) : count(figure);
}

function rendezvous(
  { clients, heap, rss, peak, join, idlePerMinute, cpuPerChange, delay, failures },
  { idle },
) {
  const note = `${count(clients)} WebSockets from two other processes, each with a session that announces a service of a name of its own, which can be dialled, and browses all names; the rendezvous is a process of its own. Memory is what its process grows by for each of them, after collections, ${count(idle / 1000)} s after the last has come. A change: one of them announces another version, in any moment; until the last of all has heard it, with what it costs the clients on the same machine.`;
  return {
    title: `A rendezvous with ${count(clients)} clients`,
    note,
    rows: [
      ['', ''],
      ['memory of the process, per client', kilobytes(rss)],
      ['of it heap', kilobytes(heap)],
      ['memory of the process when the last has come, per client', kilobytes(peak)],
      ['CPU time for all to join and know of all', `${join.cpu.toFixed(1)} s`],
      ['until they have', `${join.seconds.toFixed(1)} s`],
      ['connections that had to be tried again', count(failures)],
      ['CPU time when nothing changes, per minute', `${idlePerMinute.toFixed(2)} s`],
      ['CPU time for a change', `${(cpuPerChange * 1000).toFixed(0)} ms`],
      ['until all have heard of a change, median', `${delay.median.toFixed(0)} ms`],
      ['most', `${delay.most.toFixed(0)} ms`],
    ],
  };
}

function attacks(all) {
  const note =
    'Milliseconds of a call of an honest client, one at a time over TCP, while somebody else does that to the same server. Server, client and attacker are processes of one machine: what only computes takes a core from them as well. What each attack meets: [security.md](security.md).';
  const rows = all.map(({ what, p50, p99, most, calls }) => {
    return [what, ...[p50, p99, most].map((ms) => ms.toFixed(2)), count(calls)];
  });
  const heads = ['beside', 'half of the calls', '99 of 100', 'the longest', 'calls'];
  return { title: 'An honest client beside attackers, in ms', note, rows: [heads, ...rows] };
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
  return { title: goalsTitle, rows: [['', 'goal', 'here', ''], ...rows] };
}
