import { isObject, type Rule } from './option-rules.js';

/** What a browser takes: it throws for any other, when a direct channel is tried and nobody hears of it. */
function isIceServer(value: unknown): boolean {
  if (!isObject(value) || !('urls' in value)) return false;
  const urls: unknown[] = [value.urls].flat();
  const scheme = 'username' in value && 'credential' in value ? /^(stun|turn)s?:./ : /^stuns?:./;
  return urls.length > 0 && urls.every((url) => scheme.test(String(url)));
}

/** What the option `webrtc` must be. */
export const webrtcRule: Rule = {
  says: 'true, false or { iceServers: [{ urls }] }: stun:host, or turn:host with a username and a credential',
  ok: (value) =>
    typeof value === 'boolean' ||
    (isObject(value) &&
      (!('iceServers' in value) ||
        (Array.isArray(value.iceServers) && value.iceServers.every(isIceServer)))),
};
