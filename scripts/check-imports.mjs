// Who may import whom: the table of docs/architecture.md, exactly. Fails with the file, the import and the rule.
//
//   node scripts/check-imports.mjs [folder of the project]
import { readdir, readFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { root as project } from './root.mjs';

const root = resolve(process.argv[2] ?? project);

/** What every part stands on. */
const ground = ['src/errors.ts', 'src/limits.ts', 'src/clock.ts', 'src/emitter.ts', 'src/rules.ts'];

const ofProtocol = (name) => `src/protocol/${name}.ts`;

/**
 * A file obeys the first row whose `of` it begins with.
 * `may`: files and folders of the project. `types`: those of which it may import types alone.
 * `packages`: `none`, `own` (what package.json depends on), `any` (development too), or a list.
 * `node`: it may import Node's modules.
 */
const table = [
  { of: ground, may: ground, packages: 'none' },
  {
    of: 'src/protocol/',
    may: [...ground, 'src/protocol/'],
    types: ['src/channel/'],
    packages: 'none',
  },
  {
    // A page that only calls carries nothing that serves, streams, pipelines, resumes or discovers.
    of: 'src/calls/',
    may: [
      ...ground,
      ...['ascii', 'bridge', 'close', 'decode', 'encode', 'error-value', 'exposing'].map(
        ofProtocol,
      ),
      ...[
        'fill-remote',
        'functions',
        'given-meta',
        'hello',
        'measure',
        'message',
        'options',
        'pending-calls',
      ].map(ofProtocol),
      ...['references', 'unresolved'].map(ofProtocol),
      'src/channel/message-port.ts',
      'src/channel/websocket.ts',
      'src/calls/',
    ],
    types: ['src/channel/'],
    packages: 'none',
  },
  { of: 'src/channel/', may: [...ground, 'src/channel/'], packages: 'none' },
  {
    of: 'src/discovery/',
    may: [...ground, 'src/protocol/', 'src/channel/', 'src/discovery/'],
    packages: 'none',
  },
  { of: 'src/service/range.ts', may: ['src/'], packages: ['semver'] },
  {
    of: 'src/service/',
    may: [...ground, 'src/protocol/', 'src/channel/', 'src/discovery/', 'src/service/'],
    packages: 'none',
  },
  {
    of: 'src/http/',
    may: [...ground, 'src/protocol/', 'src/channel/', 'src/service/', 'src/http/'],
    packages: 'none',
  },
  {
    of: 'src/jsonrpc/',
    may: [...ground, 'src/protocol/', 'src/service/', 'src/http/', 'src/jsonrpc/'],
    packages: 'none',
  },
  {
    of: 'src/rendezvous/',
    may: [
      ...ground,
      'src/protocol/',
      'src/channel/',
      'src/discovery/',
      'src/service/',
      'src/rendezvous/',
    ],
    packages: 'none',
  },
  { of: 'src/pipeline/fixtures/', may: ['src/'], packages: ['fast-check'] },
  { of: 'src/pipeline/', may: [...ground, 'src/pipeline/'], packages: 'none' },
  { of: 'src/', may: ['src/'], packages: 'none' },
  { of: 'node/', may: ['src/', 'node/'], packages: 'own', node: true },
  { of: 'browser/', may: ['src/', 'browser/'], packages: ['simple-peer', 'idb-keyval'] },
  {
    // Of what makes networks of several hosts, there is one.
    of: 'e2e/storm/',
    may: ['e2e/', 'scripts/', 'node/mdns/fixtures/lab.ts', 'node/fixtures/children.ts'],
    packages: 'any',
    node: true,
  },
  { of: 'e2e/', may: ['e2e/', 'scripts/'], packages: 'any', node: true },
  { of: 'demo/', may: ['demo/'], packages: 'any', node: true },
  { of: 'bench/', may: ['bench/', 'scripts/'], packages: 'any', node: true },
  { of: 'scripts/', may: ['scripts/'], packages: 'any', node: true },
];

/** What tests are run with, and the schemas that they try. */
const runners = ['vitest', 'fast-check', 'zod', 'valibot', 'arktype'];

/** What tests may import beyond their folder's row. */
function forTest(file, row) {
  if (!/\.test(-d)?\.ts$/.test(file)) return row;
  // What makes networks, and starts browsers in them, is a tool of the project; so is what starts Redis.
  const tools = /\.net\.test\.ts$|^node\/stores\//.test(file) ? ['scripts/'] : [];
  if (file.startsWith('node/')) return { ...row, may: [...row.may, ...tools], packages: 'any' };
  if (/\.(node|net)\.test\.ts$/.test(file)) {
    return { may: [...row.may, 'src/', ...tools], packages: 'any', node: true };
  }
  if (file.startsWith('src/')) {
    const own = Array.isArray(row.packages) ? row.packages : [];
    return { may: ['src/'], packages: [...runners, ...own] };
  }
  if (file.startsWith('browser/')) return { ...row, packages: runners };
  return row;
}

const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
const own = [
  ...Object.keys(manifest.dependencies ?? {}),
  ...Object.keys(manifest.optionalDependencies ?? {}),
  ...Object.keys(manifest.peerDependencies ?? {}),
];
const any = [...own, ...Object.keys(manifest.devDependencies ?? {}), manifest.name];

const faults = [];
let count = 0;
for (const file of await sources()) {
  const row = table.find(({ of }) => [of].flat().some((start) => file.startsWith(start)));
  if (row === undefined) continue;
  count++;
  const rule = forTest(file, row);
  for (const found of importsOf(await readFile(join(root, file), 'utf8'))) {
    const reason = refuse(file, found, rule);
    if (reason !== undefined) faults.push(`${file}:${found.line}: '${found.from}': ${reason}`);
  }
}
for (const fault of faults) console.error(fault);
console.log(`imports: ${count} files, ${faults.length} faults`);
process.exitCode = faults.length === 0 ? 0 : 1;

/** Why a file may not import that, or undefined. */
function refuse(file, { from, typeOnly }, { may, types = [], packages, node = false }) {
  const folder = file.slice(0, file.lastIndexOf('/') + 1);
  if (from.startsWith('.')) {
    const target = relative(root, join(root, dirname(file), from)).replace(/\.js$/, '.ts');
    const begins = (start) => target.startsWith(start) || `${target}/` === start;
    if (may.some(begins)) return undefined;
    if (types.some(begins)) {
      return typeOnly
        ? undefined
        : `${folder} may import types alone from ${target}: use import type`;
    }
    return `${folder} may import from ${[...may, ...types].join(', ')} only`;
  }
  if (from.startsWith('node:') || builtinModules.includes(from)) {
    return node ? undefined : `${folder} runs in any JavaScript runtime: nothing of Node`;
  }
  const name = from.split('/', from.startsWith('@') ? 2 : 1).join('/');
  const allowed = { none: [], own, any }[packages] ?? packages;
  if (allowed.includes(name) || allowed.includes(`@types/${name}`)) return undefined;
  return `${folder} may import ${allowed.length === 0 ? 'no package' : `of packages only ${allowed.join(', ')}`}`;
}

/** Every import of a text: static, re-export, dynamic, `import()` in a type, `require`. */
function importsOf(text) {
  const code = withoutComments(text);
  const found = [];
  const patterns = [
    /^\s*(?:import|export)\s+(type\s)?[^'";]*?\sfrom\s*['"]([^'"]+)['"]/gm,
    /^\s*import()\s*['"]([^'"]+)['"]/gm,
    /\b(typeof\s+)?import\s*\(\s*['"]([^'"]+)['"]/gm,
    /\brequire()\(\s*['"]([^'"]+)['"]/gm,
  ];
  for (const pattern of patterns) {
    for (const match of code.matchAll(pattern)) {
      // In a template of a program that is being written.
      if (match[2].includes('${')) continue;
      const line = code.slice(0, match.index + match[0].length).split('\n').length;
      found.push({ from: match[2], typeOnly: Boolean(match[1]), line });
    }
  }
  return found;
}

/** The text with its comments blank, lines kept. What looks like a comment inside a string stays. */
function withoutComments(text) {
  return text.replace(
    /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|\/\*[\s\S]*?\*\/|(^|[^:\\/])\/\/.*$/gm,
    (all, before) => (/^['"]/.test(all) ? all : (before ?? '') + all.replace(/[^\n]/g, ' ')),
  );
}

async function sources() {
  const folders = ['src', 'node', 'browser', 'e2e', 'demo', 'bench', 'scripts'];
  const files = [];
  for (const folder of folders) {
    const found = await readdir(join(root, folder), { recursive: true }).catch(() => []);
    for (const each of found) {
      const file = join(folder, each).replaceAll('\\', '/');
      const fixture =
        /(^|\/)(node_modules|fixtures)\//.test(file) || file === 'scripts/check-imports.test.ts';
      if (/\.(ts|mts|cts|mjs|cjs|js)$/.test(file) && !fixture) files.push(file);
    }
  }
  return files.sort();
}
