// An instance in the storm.
import { openSync, writeSync } from 'node:fs';
import dservice from 'dservice';
import { apiOf } from './api.mjs';

const { name, ledger, ...options } = JSON.parse(process.argv[2] ?? '');
const file = openSync(ledger, 'a');
// What was written to a file is there, though the process is killed in the next moment.
const api = apiOf(
  () => service,
  (fact) => writeSync(file, `${JSON.stringify(fact)}\n`),
);
const service = dservice(name, api, { ...options, manifest: false, logger: { warn() {} } });
await service.start();
console.log(`up ${service.id}`);
