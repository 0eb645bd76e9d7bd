/** What the tabs of this browser have in common, and a reload does not lose: small things, as text, by name. */
const prefix = 'dservice-demo:';

export function read(name: string): string | undefined {
  return localStorage.getItem(prefix + name) ?? undefined;
}

/** Undefined forgets it. */
export function keep(name: string, text: string | undefined): void {
  if (text === undefined) localStorage.removeItem(prefix + name);
  else localStorage.setItem(prefix + name, text);
}

/** The names that begin so. */
export function namesOf(start: string): string[] {
  const all = Array.from({ length: localStorage.length }, (_, i) => localStorage.key(i) ?? '');
  return all.filter((key) => key.startsWith(prefix + start)).map((key) => key.slice(prefix.length));
}

/** Calls back when another tab has changed something. */
export function onChange(listener: () => void): void {
  addEventListener('storage', ({ key }) => {
    if (key === null || key.startsWith(prefix)) listener();
  });
}
