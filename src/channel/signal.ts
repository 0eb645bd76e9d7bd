/** What two attempts at a direct channel tell each other, as simple-peer writes it. */
export type Signal =
  | { readonly type: 'offer' | 'answer'; readonly sdp: string }
  | { readonly type: 'candidate'; readonly candidate: Candidate };

interface Candidate {
  readonly candidate: string;
  readonly sdpMLineIndex: number | null;
  readonly sdpMid: string | null;
}

/** Characters of a session description, and of a candidate. Ours have about 500, and 200. */
const sdpAtMost = 16 * 1024;
const candidateAtMost = 1024;

/**
 * Takes from what the other side sent what we ask it for, and no more: one description of a data channel,
 * the answer where we made the offer, and candidates. Undefined for anything else. simple-peer would also
 * begin anew or add video when asked to.
 */
export function readSignal(data: unknown, initiator: boolean): Signal | undefined {
  if (!isObject(data)) return undefined;
  const { sdp } = data;
  if (data['type'] === 'candidate') {
    const candidate = readCandidate(data['candidate']);
    return candidate && { type: 'candidate', candidate };
  }
  const type = initiator ? 'answer' : 'offer';
  if (data['type'] !== type || typeof sdp !== 'string') return undefined;
  const fits = sdp.length <= sdpAtMost && /^m=application /m.test(sdp) && !/^m=(?!appl)/m.test(sdp);
  return fits ? { type, sdp } : undefined;
}

function readCandidate(data: unknown): Candidate | undefined {
  if (!isObject(data)) return undefined;
  const { candidate, sdpMLineIndex = null, sdpMid = null } = data;
  if (typeof candidate !== 'string' || candidate.length > candidateAtMost) return undefined;
  // Some end with an empty one.
  if (!/^(candidate:.*)?$/.test(candidate)) return undefined;
  if (sdpMLineIndex !== null && sdpMLineIndex !== 0) return undefined;
  if (sdpMid !== null && (typeof sdpMid !== 'string' || sdpMid.length > 16)) return undefined;
  return { candidate, sdpMLineIndex, sdpMid };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
