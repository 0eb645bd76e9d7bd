/** What every WebSocket of ours takes in one frame, however short the lines that it takes. */
export const most = 64 * 1024;

/** Text or bytes, as one frame of a message channel. */
export type Frame = string | Uint8Array<ArrayBuffer>;

/** The frames of lines and of the bytes that follow them: the text, then the bytes in pieces. Nothing is copied. */
export function framesOf(
  text: string,
  attached: readonly Uint8Array<ArrayBuffer>[] = [],
): readonly Frame[] {
  if (attached.length === 0) return [text];
  const frames: Frame[] = [text];
  for (const bytes of attached) {
    for (let at = 0; at < bytes.length; at += most) frames.push(bytes.subarray(at, at + most));
  }
  return frames;
}
