import { kilobytes, median, megabytes, ratio, times } from './figures.mjs';
import { pipelineTargetsOf } from './pipeline-targets.mjs';
import { ways as streamWays } from './streams.mjs';

/** Rates of one subject to another's at a piece of work. */
const goals = [
  { work: 'c64', ours: 'ours-tcp', peer: 'dnode', least: 6, what: '64 in flight, TCP ÷ dnode' },
  {
    work: 'c64',
    ours: 'ours-tcp',
    peer: 'bare-tcp',
    least: 0.7,
    what: '64 in flight, TCP ÷ bare TCP',
  },
  {
    work: 'c64',
    ours: 'ours-ws',
    peer: 'capnweb',
    least: 6,
    what: '64 in flight, WebSocket ÷ capnweb',
  },
  {
    work: 'c64',
    ours: 'ours-ws',
    peer: 'bare-ws',
    least: 1.5,
    what: '64 in flight, WebSocket ÷ bare, a message a call',
  },
  {
    work: 'c64',
    ours: 'ours-port',
    peer: 'comlink',
    least: 3,
    what: '64 in flight, MessagePort ÷ Comlink',
  },
  {
    work: 'seq',
    ours: 'ours-tcp',
    peer: 'bare-tcp',
    least: 0.9,
    what: 'one at a time, TCP ÷ bare TCP',
  },
  {
    work: 'seq',
    ours: 'ours-ws',
    peer: 'bare-ws',
    least: 0.9,
    what: 'one at a time, WebSocket ÷ bare',
  },
  {
    work: 'seq',
    ours: 'ours-port',
    peer: 'bare-port',
    least: 0.9,
    what: 'one at a time, MessagePort ÷ bare',
  },
  {
    work: 'objects',
    ours: 'ours-ws',
    peer: 'bare-ws',
    least: 0.9,
    what: '10 KB objects, WebSocket ÷ bare',
  },
];

/** What this project has set out to reach, as far as it was measured: `{ what, goal, reached, met }`. */
export function targetsOf(results) {
  const {
    rates,
    churn,
    sizes,
    start,
    'round-trips': roundTrips,
    healing,
    page,
    direct,
    rendezvous,
  } = results;
  const targets = [];
  for (const { work, ours, peer, least, what } of goals) {
    const a = rates?.[ours]?.[work]?.rate;
    const b = rates?.[peer]?.[work]?.rate;
    if (a === undefined || b === undefined) continue;
    const reached = ratio(a, b);
    targets.push({ what, goal: `≥ ${least}`, reached: times(reached), met: reached >= least });
  }
  const ours = churn?.find(({ subject }) => subject.name === 'ours-tcp');
  if (ours !== undefined) {
    const growth = Math.max(ours.clientGrowth, ours.serverGrowth);
    const pace = ours.rates.at(-1) / ours.rates.at(0);
    targets.push(
      {
        what: 'fresh callbacks, heap gained',
        goal: '≤ 10 MB',
        reached: megabytes(growth),
        met: growth <= 10e6,
      },
      // The same, but for what chance does to a tenth of the run.
      {
        what: 'fresh callbacks, last ÷ first tenth',
        goal: '≥ 0.9',
        reached: times(pace),
        met: pace >= 0.9,
      },
    );
  }
  for (const [path, by] of Object.entries(results.attachments ?? {})) {
    const [mine, bare] = [by[`ours-${path}`]['1 MB'], by[`bare-bytes-${path}`]['1 MB']];
    const reached = ratio(mine.rate, bare.rate);
    const what = `1 MB of bytes there and back, ${path} ÷ bare`;
    targets.push({ what, goal: '≥ 0.8', reached: times(reached), met: reached >= 0.8 });
  }
  for (const [path, by] of Object.entries(results.streams ?? {})) {
    for (const [way, title] of Object.entries(streamWays)) {
      const mine = by[`ours-${path}`][way];
      const reached = ratio(mine.rate, by[`bare-flow-${path}`][way].rate);
      const wire = median(mine.wire);
      targets.push(
        {
          what: `a stream ${title}, ${path} ÷ bare`,
          goal: '≥ 0.7',
          reached: times(reached),
          met: reached >= 0.7,
        },
        {
          what: `a stream ${title}, ${path}, bytes on the wire`,
          goal: '≤ × 1.02',
          reached: `× ${wire.toFixed(3)}`,
          met: wire <= 1.02,
        },
      );
    }
  }
  for (const { subject, answered } of results.sessions?.all ?? []) {
    if (!subject.name.startsWith('ours-')) continue;
    const { crowd } = results.sessions;
    targets.push({
      what: `sessions of one process that answer a call, ${subject.label}`,
      goal: `${crowd}`,
      reached: `${answered}`,
      met: answered === crowd,
    });
  }
  for (const { subject, atClient, atServer } of results.memory ?? []) {
    if (subject.name !== 'ours-tcp') continue;
    for (const [side, { heap }] of Object.entries({ client: atClient, server: atServer })) {
      const what = `an idle session with an api of ten methods, ${side}`;
      targets.push({ what, goal: '≤ 12 kB', reached: kilobytes(heap), met: heap <= 12_000 });
    }
  }
  for (const [name, { ratio: reached }] of Object.entries(roundTrips ?? {})) {
    if (!name.startsWith('dservice')) continue;
    const what = `chain of 3 calls ÷ one round trip, ${name}`;
    targets.push({ what, goal: '≤ 1.05', reached: times(reached), met: reached <= 1.05 });
  }
  if (start !== undefined) {
    const { ms } = start;
    targets.push({
      what: 'start() to the first answer at a waiting caller',
      goal: '< 300 ms',
      reached: `${ms.toFixed(0)} ms`,
      met: ms < 300,
    });
  }
  if (healing !== undefined) {
    const { killed, frozen, rolling } = healing;
    const failed = ({ errors }) => Object.values(errors).reduce((sum, each) => sum + each, 0);
    const later = killed.slowest - killed.median;
    targets.push(
      {
        what: 'one of three killed, 64 idempotent calls in flight: failed',
        goal: '0',
        reached: `${failed(killed)}`,
        met: failed(killed) === 0,
      },
      {
        what: 'the same: the slowest beyond the median',
        goal: '≤ 250 ms',
        reached: `${later.toFixed(0)} ms`,
        met: later <= 250,
      },
      {
        what: 'one of three frozen: gets no more calls after',
        goal: '≤ 2 s',
        reached: `${(frozen.out / 1e3).toFixed(2)} s`,
        met: frozen.out <= 2_000,
      },
      {
        what: 'the same: calls out past their deadline',
        goal: '0',
        reached: `${frozen.late}`,
        met: frozen.late === 0,
      },
      {
        what: 'five restarted under 5,000 calls/s: failed',
        goal: '0',
        reached: `${failed(rolling)}`,
        met: failed(rolling) === 0,
      },
    );
  }
  if (page !== undefined) {
    const reached = ratio(page.rates['ours-ws'].c64.rate, page.rates.capnweb.c64.rate);
    targets.push({
      what: 'from a page, 64 in flight, WebSocket ÷ capnweb',
      goal: '≥ 4',
      reached: times(reached),
      met: reached >= 4,
    });
  }
  const ports = results['page-worker']?.rates;
  if (ports !== undefined) {
    const reached = ratio(ports.ours.c64, ports.comlink.c64);
    targets.push({
      what: 'page to its worker, 64 in flight, MessagePort ÷ Comlink',
      goal: '≥ 3',
      reached: times(reached),
      met: reached >= 3,
    });
  }
  if (direct !== undefined) {
    const trip = ratio(direct.bareSeq, direct.ourSeq);
    // What the bare channel carries is bytes as well.
    const speed = ratio(direct.ourOctets, direct.bareBulk);
    targets.push(
      {
        what: 'page to page, round trip ÷ bare data channel',
        goal: '≤ 1.3',
        reached: times(trip),
        met: trip <= 1.3,
      },
      {
        what: 'page to page, 16 MB through calls ÷ bare data channel',
        goal: '≥ 0.8',
        reached: times(speed),
        met: speed >= 0.8,
      },
    );
  }
  if (rendezvous !== undefined) {
    const { rss, delay, clients } = rendezvous;
    targets.push(
      {
        what: `rendezvous, memory of each of ${clients} clients`,
        goal: '< 40 kB',
        reached: kilobytes(rss),
        met: rss < 40_000,
      },
      {
        what: 'rendezvous, until all have heard of a change, at most',
        goal: '≤ 1 s',
        reached: `${delay.most.toFixed(0)} ms`,
        met: delay.most <= 1_000,
      },
    );
  }
  const smallest = sizes?.[0];
  if (smallest !== undefined) {
    const { bytes } = smallest;
    targets.push({
      what: 'a page with serve and dial',
      goal: '≤ 8 kB',
      reached: kilobytes(bytes),
      met: bytes <= 8_000,
    });
  }
  return [...targets, ...pipelineTargetsOf(results)];
}
