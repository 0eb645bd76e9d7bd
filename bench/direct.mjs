import { chromiumPath } from '../scripts/chromium.mjs';
import { cannotMakeNetworks, Network } from '../scripts/netns.mjs';
import { startProcess } from './process.mjs';
import { meeting } from './subjects/index.mjs';

/** Bytes that go through calls. */
const total = 16 * 1024 * 1024;
/** In a round, of calls one at a time. */
const turns = 8;

/**
 * Two pages, in a network of their own, that call each other over WebRTC: calls and bytes per second,
 * over a bare data channel and over ours. One figure a round each, of calls one at a time one a turn.
 */
export async function measureDirect({ rounds, ms, warmUp }) {
  if (chromiumPath() === undefined) return { skipped: 'there is no Chromium' };
  const why = cannotMakeNetworks();
  if (why !== undefined) return { skipped: why };
  const network = new Network();
  try {
    const place = await startProcess(meeting, network);
    const origin = await place.ask('serve');
    const browser = await network.chromium();
    // Contexts of their own, so that each page has a process of its own.
    const [here, there] = await Promise.all(
      [1, 2].map(async () => (await browser.newContext()).newPage()),
    );
    await Promise.all([here, there].map((page) => page.goto(origin)));

    const description = await there.evaluate(
      (offer) => globalThis.bare.answer(offer),
      await here.evaluate(() => globalThis.bare.offer()),
    );
    await here.evaluate((it) => globalThis.bare.accept(it), description);
    await there.evaluate(() => globalThis.ours.serve());
    const moved = await here.evaluate(() => globalThis.ours.connect());

    const calls = (whose, count, ms) =>
      here.evaluate(([whose, count, ms]) => globalThis.calls(whose, count, ms), [whose, count, ms]);
    const bareBulk = async (bytes) => {
      await there.evaluate((bytes) => globalThis.bare.expect(bytes), bytes);
      return here.evaluate((bytes) => globalThis.bare.bulk(bytes), bytes);
    };
    const ourBulk = (kind, bytes) =>
      here.evaluate(([kind, bytes]) => globalThis.ours.bulk(kind, bytes), [kind, bytes]);
    const tasks = {
      bareMany: () => calls('bare', 64, ms),
      ourMany: () => calls('ours', 64, ms),
      bareBulk: () => bareBulk(total),
      ourLetters: () => ourBulk('letters', total),
      ourOctets: () => ourBulk('octets', total),
    };
    const names = Object.keys(tasks);
    for (const whose of ['bare', 'ours']) await calls(whose, 1, warmUp);
    for (const name of names) await tasks[name]();
    const figures = { bareSeq: [], ourSeq: [] };
    for (const name of names) figures[name] = [];
    for (let round = 0; round < rounds; round++) {
      // In short turns, since a round trip is mostly waiting, and what else the machine does is much of it.
      for (let turn = 0; turn < turns; turn++) {
        for (const whose of turn % 2 === 0 ? ['bare', 'ours'] : ['ours', 'bare']) {
          figures[`${whose === 'bare' ? 'bare' : 'our'}Seq`].push(
            await calls(whose, 1, ms / turns),
          );
        }
      }
      for (let at = 0; at < names.length; at++) {
        const name = names[(at + round) % names.length];
        figures[name].push(await tasks[name]());
      }
    }
    await place.end();
    return { ...figures, moved };
  } finally {
    await network.close();
  }
}
