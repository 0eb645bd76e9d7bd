// Finds what the tests need beyond npm's packages. As root on Debian or Ubuntu it installs what is missing; elsewhere
// it says in one line what to install. It never fails: the suites that miss something say so themselves.
//
//   node scripts/setup.mjs
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chromiumPath } from './chromium.mjs';
import { firefoxPath } from './engines.mjs';
import { programPath } from './programs.mjs';

/** What to look for, and the Debian package that brings it. */
const needs = [
  { what: 'chromium', package: 'chromium', found: () => chromiumPath() !== undefined },
  { what: 'firefox', package: 'firefox-esr', found: () => firefoxPath() !== undefined },
  { what: 'WebKitWebDriver', package: 'webkit2gtk-driver' },
  { what: 'Xvfb', package: 'xvfb' },
  { what: 'redis-server', package: 'redis-server' },
  { what: 'ip', package: 'iproute2' },
  { what: 'tc', package: 'iproute2' },
  { what: 'iptables', package: 'iptables' },
  { what: 'avahi-daemon', package: 'avahi-daemon' },
  { what: 'avahi-browse', package: 'avahi-utils' },
  { what: 'dbus-daemon', package: 'dbus' },
  { what: 'openssl', package: 'openssl' },
];

let missing = find();
if (missing.length > 0 && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
  install(packages(missing));
  missing = find();
}
if (missing.length > 0) {
  console.log(`setup: tests miss ${names(missing)}; install ${packages(missing).join(' ')}`);
} else {
  console.log('setup: everything is here');
}

function find() {
  return needs.filter(({ what, found = () => programPath(what) !== undefined }) => !found());
}

function packages(list) {
  return [...new Set(list.map((need) => need.package))];
}

function names(list) {
  return list.map(({ what }) => what).join(', ');
}

function install(list) {
  console.log(`setup: installing ${list.join(' ')}`);
  apt('update', '-qq');
  apt('install', '-y', '-qq', '--no-install-recommends', ...list);
}

function apt(...args) {
  const { status, stderr } = spawnSync('apt-get', args, {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    timeout: 600_000,
  });
  if (status !== 0)
    console.log(`setup: apt-get ${args[0]} failed: ${stderr?.trim() ?? 'no answer'}`);
}
