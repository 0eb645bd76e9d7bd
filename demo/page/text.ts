/**
 * Text from the network, for a line of the page: control characters and those that turn the direction
 * of writing are shown instead of obeyed, and what is long is cut.
 */
export function harmless(text: string, most = 200): string {
  const cut = text.length > most ? `${text.slice(0, most)}…` : text;
  return cut.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** `0.42 ms`, `12 ms`, `1.3 s` */
export function duration(ms: number): string {
  if (ms < 10) return `${ms.toFixed(ms < 1 ? 2 : 1)} ms`;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** `10:42:07` */
export function clockTime(date: Date): string {
  return date.toLocaleTimeString('en-GB');
}

/** `1 service`, `3 services` */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}

/** The first characters of an instance's id, enough for people to tell two apart. */
export function shortId(id: string): string {
  return id.slice(0, 6);
}
