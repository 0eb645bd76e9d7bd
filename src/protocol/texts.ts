// Values that are one text in the line. What is none throws.

export function readDate(text: string): Date {
  const date = new Date(text);
  if (!Number.isNaN(date.getTime()) || text === 'Invalid Date') return date;
  throw new SyntaxError('no date');
}

export function readNumber(text: string): number {
  if (!['NaN', 'Infinity', '-Infinity', '-0'].includes(text))
    throw new SyntaxError('not one of them');
  return Number(text);
}

/** Compiling `\p{RGI_Emoji}` takes milliseconds, and `\W` (with the flags `iu`) a tenth of that. */
export function weigh(regexp: string): number {
  let weight = regexp.length;
  for (const [escape] of regexp.matchAll(/\\[pPWDS]/g)) weight += /p/i.test(escape) ? 512 : 64;
  return weight;
}

export function readRegExp(text: string): RegExp {
  const end = text.lastIndexOf('/');
  if (text[0] !== '/' || end === 0) throw new SyntaxError('no slashes');
  return new RegExp(text.slice(1, end), text.slice(end + 1));
}
