import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** WebRTC would make itself known on the machine's own network: it does without, but in a network of the test's. */
export const withoutWebrtc = '--webrtc-ip-handling-policy=disable_non_proxied_udp';

/** Quiet, and without a word to anybody outside. */
export const chromiumFlags = [
  withoutWebrtc,
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--js-flags=--expose-gc',
];

/** Chromium's program: the one that `CHROMIUM` names, else the one on the PATH, else undefined. */
export function chromiumPath() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  for (const name of ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']) {
    const path = (process.env.PATH ?? '')
      .split(delimiter)
      .map((folder) => join(folder, name))
      .find((each) => existsSync(each));
    if (path !== undefined) return path;
  }
  return undefined;
}
