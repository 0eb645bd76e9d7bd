import { programPath } from './programs.mjs';

/** Firefox's program: the one that `FIREFOX` names, else the one on the PATH, else undefined. */
export function firefoxPath() {
  return process.env.FIREFOX || programPath('firefox-esr', 'firefox');
}

/** The driver of WebKitGTK, which finds its browser itself, or undefined. */
export function webkitDriverPath() {
  return programPath('WebKitWebDriver');
}

/** The screen that WebKitGTK needs, since it is never without one, or undefined. */
export function xvfbPath() {
  return programPath('Xvfb');
}

/** What the tests in other engines miss, in one line; undefined where all is here. */
export function withoutEngines() {
  const lines = [];
  if (firefoxPath() === undefined) {
    lines.push(
      'There is no Firefox: install it (Debian: firefox-esr), or name one with FIREFOX=/path.',
    );
  }
  if (webkitDriverPath() === undefined) {
    lines.push('There is no WebKitGTK with its driver: install it (Debian: webkit2gtk-driver).');
  }
  if (xvfbPath() === undefined) lines.push('There is no Xvfb: install it (Debian: xvfb).');
  return lines.length === 0 ? undefined : lines.join(' ');
}
