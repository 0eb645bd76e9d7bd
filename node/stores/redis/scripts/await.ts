import { base } from './base.js';

/** Waits to be told of anything. Arguments: now, handle. */
export const awaiting = String.raw`${base}
await({ '*' })
return 1
`;
