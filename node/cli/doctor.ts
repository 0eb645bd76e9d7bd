import { parseQuery } from '../../src/service/name.js';
import { semverMatcher } from '../../src/service/range.js';
import { readArgument } from './argument.js';
import { type Command, exit } from './command.js';
import { examine } from './examine.js';
import { lookClosely, waits } from './look.js';
import { parse, readMs, readReach } from './parse.js';
import { readRendezvous, rendezvousOption } from './places.js';
import { harmless, painter } from './style.js';
import { checked, UsageError } from './usage-error.js';

/** Longer than a service of another stack takes to be found, which is looked for after 2.5 s. */
const defaultWait = { local: 2 * waits.local, lan: 4_000 } as const;

export const doctor: Command = {
  name: 'doctor',
  usage: 'doctor [options] <name[@range]>',
  summary: 'explains why a service cannot be found or reached',
  help: `      --wait MS     how long it listens; ${defaultWait.local}, with --reach lan ${defaultWait.lan}
      --auth JSON   credentials, for a service that asks for them
      --reach R     local: this machine (the default, or what DSERVICE_REACH says); lan: the network
      --rendezvous URL
                    looks there too, as ws://127.0.0.1:4004; more than once for several

  dservice doctor greeter@^2

Looks at interfaces, multicast and rendezvous, at names, versions and states, and connects to each
endpoint: a line each, "ok" or "not", and at the end what to do. It calls nothing.

Exit codes: 0 it can be reached; 1 it cannot; 2 wrong usage.
`,
  async run(args, world) {
    const { values, positionals } = parse(args, {
      wait: { type: 'string' },
      auth: { type: 'string' },
      reach: { type: 'string' },
      rendezvous: rendezvousOption,
    });
    const [text, ...more] = positionals;
    if (text === undefined || more.length > 0) {
      throw new UsageError('doctor takes the name of one service');
    }
    const query = checked(() => parseQuery(text, semverMatcher));
    const { net, output } = world;
    const reach = readReach(values.reach) ?? checked(() => net.reach);
    const wait = readMs('--wait', values.wait, defaultWait[reach]);
    const places = readRendezvous(values.rendezvous);
    const auth = values.auth === undefined ? undefined : readArgument(values.auth);
    const logger = { warn: (): void => {} };
    const caller = checked(() => world.caller({ ...places, reach, logger }));
    const paint = painter(output.colors);
    try {
      const { discovery } = caller;
      let advice = '';
      let reached = false;
      const steps = examine({
        ...{ query, reach, discovery, net, auth, places: places.rendezvous ?? [] },
        look: () => lookClosely(discovery, wait, reach, world),
      });
      for await (const step of steps) {
        const mark = step.good ? paint('green', 'ok ') : paint('red', 'not');
        output.out(`${mark}  ${harmless(step.text)}\n`);
        // The last that is wrong is the nearest to the service.
        advice = step.advice ?? advice;
        reached ||= step.reached === true;
      }
      const verdict = reached ? `${text} can be reached` : advice;
      output.out(
        `\n${harmless(verdict)}${reached && advice !== '' ? `; for the rest: ${harmless(advice)}` : ''}\n`,
      );
      return reached ? exit.done : exit.failed;
    } finally {
      await caller.stop(0);
    }
  },
};
