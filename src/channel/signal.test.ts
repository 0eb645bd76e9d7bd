import { expect, test } from 'vitest';
import { readSignal } from './signal.js';

const sdp = 'v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n';
const line = 'candidate:1 1 udp 2113937151 127.0.0.1 4000 typ host';
const candidate = { candidate: line, sdpMLineIndex: 0, sdpMid: '0' };

test('who begins takes an answer, the other an offer', () => {
  const [offer, answer] = (['offer', 'answer'] as const).map((type) => ({ type, sdp }));
  expect(readSignal(answer, true)).toEqual(answer);
  expect(readSignal(offer, false)).toEqual(offer);
  expect(readSignal(offer, true)).toBeUndefined();
  expect(readSignal(answer, false)).toBeUndefined();
});

test('candidates are taken, without what is not theirs', () => {
  expect(
    readSignal({ type: 'candidate', candidate: { ...candidate, more: 1 }, sdp }, true),
  ).toEqual({ type: 'candidate', candidate });
  expect(readSignal({ type: 'candidate', candidate: { candidate: '' } }, false)).toEqual({
    type: 'candidate',
    candidate: { candidate: '', sdpMLineIndex: null, sdpMid: null },
  });
});

const cyclic: Record<string, unknown> = { type: 'offer' };
cyclic['sdp'] = cyclic;

test.each<[string, unknown]>([
  ['null', null],
  ['undefined', undefined],
  ['text', JSON.stringify({ type: 'offer', sdp })],
  ['a number', 1],
  ['an array', []],
  ['cyclic', cyclic],
  ['video', { type: 'offer', sdp: `${sdp}m=video 9 UDP/TLS/RTP/SAVPF 96\r\n` }],
  ['nothing offered', { type: 'offer', sdp: 'v=0\r\n' }],
  ['huge', { type: 'offer', sdp: sdp + 'a'.repeat(1_000_000) }],
  ['another renegotiation', { type: 'renegotiate', renegotiate: true }],
  ['a transceiver', { type: 'transceiverRequest', transceiverRequest: { kind: 'video' } }],
  ['a candidate of text', { type: 'candidate', candidate: line }],
  ['no candidate', { type: 'candidate', candidate: { ...candidate, candidate: 'rubbish' } }],
  ['two', { type: 'candidate', candidate: { ...candidate, candidate: `${line}\r\na=x` } }],
  ['a candidate elsewhere', { type: 'candidate', candidate: { ...candidate, sdpMLineIndex: 7 } }],
  ['huge ones', { type: 'candidate', candidate: { ...candidate, candidate: line.repeat(100) } }],
])('is no signal: %s', (_, data) => {
  expect(readSignal(data, false)).toBeUndefined();
});
