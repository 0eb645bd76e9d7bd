import { DserviceError } from '../errors.js';
import { defaultLimits } from '../limits.js';
import type { Channel } from './channel.js';

/**
 * Joins two channels that nobody has opened: what arrives at one is written to the other, as fast as
 * that one takes it, and the end of one ends the other, in good order or with its error. Their framings
 * may differ; text alone is carried, so the hellos that pass do not offer raw bytes. `limit`: characters of a line that a byte channel has not finished; beyond, both end
 * with ERR_LIMIT.
 */
export function pipe(a: Channel, b: Channel, limit = defaultLimits.line + 64 * 1024): void {
  join(a, b, limit);
  join(b, a, limit);
}

function join(from: Channel, to: Channel, limit: number): void {
  const text = from.framing === 'bytes' ? lineCutter() : wholeText;
  let first = true;
  from.open({
    receive(data) {
      const { lines: all, rest } = text(data);
      const lines = first ? withoutBytes(all) : all;
      first &&= lines === '';
      if (rest > limit) {
        const error = new DserviceError('ERR_LIMIT', `a line is longer than ${limit} characters`);
        to.destroy(error);
        return from.destroy(error);
      }
      if (lines !== '' && !to.write(to.framing === 'bytes' ? ended(lines) : lines)) from.pause();
    },
    // This one has room: the other may bring more.
    drain: () => to.resume(),
    close: (error) => (error === undefined ? to.close() : to.destroy(error)),
  });
}

/** Whole lines of what came, and how many characters of the next one are here. */
type Cutter = (data: Uint8Array | string) => { lines: string; rest: number };

const wholeText: Cutter = (data) => ({
  lines: typeof data === 'string' ? data : decoder().decode(data),
  rest: 0,
});

function lineCutter(): Cutter {
  const decode = decoder();
  let rest = '';
  return (data) => {
    const text = typeof data === 'string' ? data : decode.decode(data, { stream: true });
    const end = text.lastIndexOf('\n') + 1;
    const lines = end === 0 ? '' : rest + text.slice(0, end);
    rest = end === 0 ? rest + text : text.slice(end);
    return { lines, rest: rest.length };
  };
}

// A byte order mark is data here.
const decoder = (): TextDecoder => new TextDecoder('utf-8', { ignoreBOM: true });

/** The same, where the first line is a hello that offers raw bytes: it offers something unknown instead. */
function withoutBytes(lines: string): string {
  const end = lines.indexOf('\n');
  const line = end === -1 ? lines : lines.slice(0, end);
  const features = /"features"\s*:\s*\[[^[\]]*\]/g;
  // As text, since whatever else it says is to arrive as it was written.
  return line.replace(features, (list) => list.replace('"bin"', '"-"')) + lines.slice(line.length);
}

/** In bytes a line ends with its newline; as a message it need not. */
const ended = (lines: string): string => (lines.endsWith('\n') ? lines : `${lines}\n`);
