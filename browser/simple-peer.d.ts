// The file that needs no polyfill. `browser/webrtc.ts` says what of it is used.
declare module 'simple-peer/simplepeer.min.js' {
  const Peer: unknown;
  export default Peer;
}
