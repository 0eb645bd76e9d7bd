// For tests only: another stack, that advertises a service of our type.
//
//   peer-ciao name port
import { getResponder } from '@homebridge/ciao';

const [name = '', port] = process.argv.slice(2);
const responder = getResponder({ interface: 'net0' });
const service = responder.createService({
  name: `Their ${name}`,
  type: 'dservice',
  port: Number(port),
  txt: { n: name, v: '2.0.0' },
});
service.on('name-change', () => {});
void service.advertise().catch((error: unknown) => console.error(error));
process.stdin.resume().on('end', () => void responder.shutdown().then(() => process.exit(0)));
