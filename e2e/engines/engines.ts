import type { Engine } from './browser.js';
import { firefox } from './firefox.js';
import { webkit } from './webkit.js';

/** The engines beside Chromium that the package is tested in, by name: for `describe.each`. */
export const engines: readonly (readonly [string, Engine])[] = [
  ['Firefox', firefox],
  ['WebKitGTK', webkit],
];
