// The story of services and callers, each in a process of its own, that find and call each other.
import { Stage } from './stage.mjs';
import { openForVisitors } from './visitors.mjs';
import { tabsMeet } from './tabs.mjs';

const once = process.argv.includes('--once');
const stage = new Stage({ seconds: once ? 90 : 25, moral: 'All of them found each other.' });

await stage.play(
  async () => {
    stage.tell(
      'welcome relies on greeter, and two callers look for them. Nobody else is there yet.',
    );
    const welcome = stage.start('welcome', 'welcome.mjs');
    const caller = stage.start('caller', 'caller.mjs');
    const old = stage.start('caller-2013', 'caller-2013.cjs');
    await welcome.says('is waiting');
    await caller.says('looks for');
    await old.says('looks for');

    stage.tell('Now comes greeter. Nobody is told where it is.');
    const greeter = stage.start('greeter', 'greeter.mjs');
    await caller.says('hears: WELCOME, ADA!');
    await old.says('hears: CALLBACKS ARE WELCOME!');
    await caller.ended();
    await old.ended();

    stage.tell('A client made with the original dnode calls the same greeter.');
    const [endpoint] = await greeter.says(/tcp:\S+/);
    const dnode = stage.start('dnode', 'dnode-client.cjs', endpoint);
    await dnode.says('hears: DNODE IS AT HOME HERE!');
    await dnode.ended();
    if (!once) return;

    const leave = await tabsMeet(stage, greeter);

    stage.tell('The callers have ended by themselves. The services are told to end.');
    await welcome.stop();
    await greeter.stop();
    await leave();
  },
  once
    ? async () => stage.tell('Durable pipelines, killed in the middle: npm run demo -- pipeline')
    : () => openForVisitors(stage),
);
