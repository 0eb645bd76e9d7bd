// For tests only: another stack, that browses for our type, or publishes a service of it.
//
//   peer-bonjour [name port]
import { Bonjour, type Service } from 'bonjour-service';

const bonjour = new Bonjour();
const [name, port] = process.argv.slice(2);
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

if (name === undefined) {
  const browser = bonjour.find({ type: 'dservice' });
  browser.on('up', ({ name: up, port: at, host, addresses, txt }: Service) =>
    say({ up, port: at, host, addresses, txt: txt as unknown }),
  );
  browser.on('down', ({ name: down }: Service) => say({ down }));
} else {
  bonjour.publish({
    name: `Their ${name}`,
    type: 'dservice',
    port: Number(port),
    txt: { n: name, v: '2.0.0' },
    disableIPv6: true,
  });
}
process.stdin.resume().on('end', () => bonjour.unpublishAll(() => process.exit(0)));
