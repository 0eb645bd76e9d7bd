/** Old peers corrupt UTF-8 that is split across two pieces, so for them it is escaped. */
export function ascii(line: string): string {
  if (!/[^\x00-\x7f]/.test(line)) return line;
  return line.replace(
    /[^\x00-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Whether text is that many bytes of UTF-8 at most. */
export function fits(text: string, bytes: number): boolean {
  if (text.length * 3 <= bytes) return true;
  return text.length <= bytes && new TextEncoder().encode(text).length <= bytes;
}
