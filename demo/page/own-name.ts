const key = 'name';

/** A name as services have them. */
export const namePattern = '[a-z0-9]([a-z0-9.\\-]{0,61}[a-z0-9])?';

/**
 * The name of this tab: the same after a reload. A tab that was duplicated, and has its twin's
 * memory, takes another one.
 */
export async function ownName(): Promise<string> {
  for (;;) {
    const name = sessionStorage.getItem(key) ?? `tab-${random()}`;
    if (await hold(name)) {
      sessionStorage.setItem(key, name);
      return name;
    }
    sessionStorage.removeItem(key);
  }
}

/** The tab begins anew, under that name. */
export function rename(name: string): void {
  sessionStorage.setItem(key, name);
  location.reload();
}

/** Whether the name is this tab's, as long as it lives, among those of the same browser. */
function hold(name: string): Promise<boolean> {
  // Pages that are not secure have no locks: such tabs are told apart by chance alone.
  if (!('locks' in navigator)) return Promise.resolve(true);
  return new Promise((resolve) => {
    const taken = (): Promise<never> => {
      resolve(true);
      return new Promise(() => {});
    };
    // After a reload, the page before may need a moment to let go.
    const signal = AbortSignal.timeout(500);
    navigator.locks.request(`dservice-demo:${name}`, { signal }, taken).catch(() => resolve(false));
  });
}

function random(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(2));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
