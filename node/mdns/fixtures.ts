// For tests only: nothing of the package imports this.
import { createSocket } from 'node:dgram';
import { randomBytes } from 'node:crypto';
import type { InstanceRecord } from '../../src/discovery/record.js';

export function makeRecord(part: Partial<InstanceRecord> = {}): InstanceRecord {
  return {
    id: randomBytes(8).toString('hex'),
    name: 'greeter',
    version: '1.2.3',
    endpoints: ['tcp://127.0.0.1:4001'],
    state: 'up',
    relies: [],
    ...part,
  };
}

/** A UDP port that nobody uses, so that tests that run at one time do not hear each other. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', reject);
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}
