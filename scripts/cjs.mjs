// The CommonJS side of an entry, made from its declarations: there is no second build. The module hands over the
// default export with the named ones as its properties, and the declaration says the same of the types.
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** The texts of the `.cjs` and the `.d.cts` that belong to an ES module with the declarations `path`. */
export async function commonJs(path) {
  const { types, hasDefault } = await exportsOf(path);
  const esm = `./${basename(path, '.d.ts')}.js`;
  return {
    module: hasDefault
      ? `module.exports = Object.assign(require('${esm}').default, require('${esm}'));\n`
      : `module.exports = require('${esm}');\n`,
    declaration: [
      `import type * as esm from '${esm}' with { 'resolution-mode': 'import' };`,
      `declare const entry: ${hasDefault ? 'typeof esm.default & ' : ''}typeof esm;`,
      'declare namespace entry {',
      ...[...types].map(
        ([name, { params, args }]) => `  type ${name}${params} = esm.${name}${args};`,
      ),
      '}',
      'export = entry;',
      '',
    ].join('\n'),
  };
}

/** The types (interfaces, aliases, classes, enums) that a declaration file exports, with their type parameters. */
async function exportsOf(path) {
  const text = (await readFile(path, 'utf8')).replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const own = new Map();
  const declared =
    /^(export )?(?:default )?(?:declare )?(?:abstract )?(?:interface|type|class|enum) (\w+)/gm;
  for (const match of text.matchAll(declared)) {
    const params = parameters(text.slice(match.index + match[0].length));
    own.set(match[2], { params, args: names(params), exported: match[1] !== undefined });
  }
  const types = new Map([...own].filter(([, type]) => type.exported));
  let hasDefault = /^export default /m.test(text);
  for (const [, list, from] of text.matchAll(
    /^export (?:type )?\{([^}]*)\}(?: from '([^']+)')?/gm,
  )) {
    const source = from === undefined ? own : await typesOf(path, from);
    for (const item of list
      .split(',')
      .map((each) => each.trim().replace(/^type /, ''))
      .filter(Boolean)) {
      const [name, as = name] = item.split(' as ');
      if (as === 'default') hasDefault = true;
      else if (source.has(name)) types.set(as, source.get(name));
    }
  }
  for (const [, from] of text.matchAll(/^export (?:type )?\* from '(\.[^']+)'/gm)) {
    for (const [name, type] of await typesOf(path, from)) types.set(name, type);
  }
  return { types, hasDefault };
}

/** The types that are exported by what a declaration file imports from; none of a package. */
async function typesOf(path, specifier) {
  if (!specifier.startsWith('.')) return new Map();
  return (await exportsOf(join(dirname(path), specifier.replace(/\.js$/, '.d.ts')))).types;
}

/** `<…>` at the start of a text, or nothing. */
function parameters(text) {
  if (!text.startsWith('<')) return '';
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '<') depth++;
    // Not the arrow of a function type.
    else if (text[i] === '>' && text[i - 1] !== '=' && --depth === 0) return text.slice(0, i + 1);
  }
  throw new Error(`type parameters do not end: ${text.slice(0, 80)}`);
}

/** `<A extends B<C> = D, E>` as `<A, E>`. */
function names(params) {
  const list = [];
  let depth = 0;
  let start = 1;
  for (let i = 1; i < params.length; i++) {
    const end = i === params.length - 1;
    if ((params[i] === ',' && depth === 0) || end) {
      list.push(
        params
          .slice(start, i)
          .trim()
          .replace(/^(const|in|out) /, '')
          .split(/[\s=]/)[0],
      );
      start = i + 1;
    } else if ('<({['.includes(params[i])) depth++;
    else if (')}]'.includes(params[i]) || (params[i] === '>' && params[i - 1] !== '=')) depth--;
  }
  return list.length === 0 ? '' : `<${list.join(', ')}>`;
}
