import { existsSync } from 'node:fs';
import type { StoreFactory } from '../../src/pipeline/store.js';

/** The store of a URL, where there is one already: who looks makes no folders. Rejects with ERR_OPTION. */
export async function existingStore(url: string | undefined): Promise<StoreFactory | undefined> {
  // Stores come with code of their own, which the other commands do without.
  const { storeOf, usualFolder } = await import('../store-of.js');
  const folder = url === undefined ? usualFolder : /^lmdb:(.+)$/.exec(url)?.[1];
  return folder === undefined || existsSync(folder) ? storeOf(url) : undefined;
}
