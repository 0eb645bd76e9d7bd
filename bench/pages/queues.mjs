// A page with pipelines, and with queues by hand. Playwright calls `run`.
import * as bare from '../subjects/bare-indexeddb.mjs';
import * as ours from '../subjects/pipeline.mjs';

const subjects = { pipeline: ours, 'bare-indexeddb': bare };

globalThis.run = (subject, name, ...args) => subjects[subject][name](...args);
