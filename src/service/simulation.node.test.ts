import { expect, test } from 'vitest';
import { Simulation } from '../testing/fixtures/simulation.js';

const env = process.env;
const number = (name: string, usual: number): number =>
  Number(env[`DSERVICE_SIMULATE_${name}`] ?? usual);

const minutes = number('MINUTES', 5);
const seed = number('SEED', Math.floor(Math.random() * 2 ** 31));

test(
  `whatever happens to machines, what is promised is kept (seed ${seed})`,
  { timeout: 7_200_000 },
  async () => {
    const instances = number('INSTANCES', 8);
    const callers = number('CALLERS', 24);
    const pause = number('PAUSE', 1_000);
    const simulation = new Simulation({
      ...{ seed, instances, callers, pause, faults: 120_000 / instances },
      settle: () => new Promise((resolve) => setImmediate(resolve)),
    });
    const account = await simulation.run(minutes * 60_000);
    const { calls, done, failed, faults, broken, served } = account;
    const mean = served.reduce((sum, each) => sum + each) / instances;
    const spread = [Math.min(...served) / mean, Math.max(...served) / mean];
    console.log(
      [
        `simulation of ${minutes} minutes, ${instances} instances, ${callers} callers, seed ${seed}`,
        `  calls    ${calls}, of which ${done} done (${((done / calls) * 100).toFixed(2)} %)`,
        `  failed   ${JSON.stringify(failed)}`,
        `  faults   ${JSON.stringify(faults)}`,
        `  load     ${spread.map((each) => each.toFixed(2)).join(' to ')} of the mean, while all were well`,
        `  broken   ${broken.length}`,
      ].join('\n'),
    );
    expect(broken.slice(0, 10)).toEqual([]);
    expect(spread[0]).toBeGreaterThan(0.8);
    expect(spread[1]).toBeLessThan(1.2);
    expect(calls).toBeGreaterThan(0.8 * callers * ((minutes * 60_000) / pause));
    // Some are lost to instances that froze a moment ago: how many is a matter of the faults that there were.
    expect(done / calls).toBeGreaterThan(0.9);
  },
);
