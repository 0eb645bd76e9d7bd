import type { Engine } from './browser.js';
import { firefox } from './firefox.js';
import { webkit } from './webkit.js';

/** The engines beside Chromium that the package is tested in. */
export const engines: readonly Engine[] = [firefox, webkit];
