// After the story: services, a rendezvous and a page, for whoever wants to look and to take part.
import { createInterface } from 'node:readline';

const programs = {
  greeter: 'greeter.mjs',
  welcome: 'welcome.mjs',
  clock: 'clock.mjs',
  samples: 'samples.mjs',
  rendezvous: 'rendezvous.mjs',
};

/** Opens, says where, and stays until Ctrl-C. */
export async function openForVisitors(stage) {
  const running = new Map();
  const start = (name, ...args) =>
    running.set(name, stage.start(name, programs[name], ...args)).get(name);
  for (const name of ['greeter', 'welcome']) running.set(name, stage.actor(name));
  for (const name of ['clock', 'samples']) start(name);
  const [url] = await start('rendezvous').says(/http:\S+/);

  stage.tell();
  stage.tell('Now it is your turn. The page is open:');
  stage.tell();
  stage.show(url);
  stage.tell();
  stage.tell(
    'It lists who is on the air, and calls them. Open it twice: each tab is a service, too.',
  );
  stage.tell('In another terminal, in this folder:');
  stage.tell();
  stage.show('npx dservice ls');
  stage.show('npx dservice call greeter shout hello');
  stage.show('npx dservice call tab-… alert hi', '(the page shows its own name)');
  stage.tell();
  stage.tell(
    `Here, a name and Enter end a program, or start it again: ${Object.keys(programs).join(', ')}.`,
  );
  stage.tell('npm run demo -- pipeline shows durable pipelines. Ctrl-C ends it all.');
  stage.tell();

  const input = createInterface({ input: process.stdin });
  stage.keep(() => input.close());
  /** Ends a program, or starts one that has ended. */
  const turn = async (name) => {
    const actor = running.get(name);
    if (!actor.stopping && !actor.exited) {
      stage.tell(`${name} is told to end.`);
      return actor.stop().catch(() => {});
    }
    await actor.closed;
    if (running.get(name) !== actor) return;
    // A rendezvous that is back where it was is found again by who was there.
    start(name, ...(name === 'rendezvous' ? [new URL(url).port] : []));
  };
  input.on('line', (line) => {
    const name = line.trim();
    if (Object.hasOwn(programs, name)) void turn(name);
  });
  await stage.stay();
}
