import { call } from './call.js';
import { type Command, exit } from './command.js';
import { doctor } from './doctor.js';
import { faultText } from './fault.js';
import { ls } from './ls.js';
import { queues } from './queues.js';
import { rendezvous } from './rendezvous.js';
import { alignRows } from './table.js';
import { tree } from './tree.js';
import { UsageError } from './usage-error.js';
import type { World } from './world.js';

const commands: readonly Command[] = [ls, call, tree, doctor, rendezvous, queues];

/** Does what the arguments say. Resolves with the exit code; never rejects. */
export async function run(args: readonly string[], world: World): Promise<number> {
  const { output } = world;
  const [first, ...rest] = args;
  const command = commands.find(({ name }) => name === first);
  try {
    if (command !== undefined) {
      if (asksForHelp(rest)) return tell(helpOf(command), world);
      return await command.run(rest, world);
    }
    switch (first) {
      case 'help':
        return tell(helpFor(rest), world);
      case '-h':
      case '--help':
        return tell(overview(), world);
      case '-v':
      case '--version':
        return tell(`${world.version}\n`, world);
      case undefined:
        throw new UsageError('a command is missing');
      default:
        throw new UsageError(
          `there is no ${first.startsWith('-') ? 'option' : 'command'} "${first}"`,
        );
    }
  } catch (error) {
    if (!(error instanceof UsageError)) {
      output.err(`${faultText(error)}\n`);
      return exit.failed;
    }
    output.err(
      `dservice: ${error.message}\n\n${command === undefined ? overview() : usageOf(command)}`,
    );
    return exit.usage;
  }
}

/** Behind `--`, it is an argument like any other. */
function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return args
    .slice(0, end === -1 ? undefined : end)
    .some((arg) => arg === '--help' || arg === '-h');
}

function tell(text: string, { output }: World): number {
  output.out(text);
  return exit.done;
}

function helpFor([name]: readonly string[]): string {
  if (name === undefined) return overview();
  const command = commands.find((it) => it.name === name);
  if (command === undefined) throw new UsageError(`there is no command "${name}"`);
  return helpOf(command);
}

function helpOf({ usage, summary, help }: Command): string {
  return `usage: dservice ${usage}\n\n${summary}\n\n${help}`;
}

function usageOf({ name, usage }: Command): string {
  return `usage: dservice ${usage}\n       dservice help ${name} tells more\n`;
}

function overview(): string {
  const rows = [
    ...commands.map(({ usage, summary }) => [
      { text: `  ${usage.replace(' [options]', '')}` },
      { text: summary },
    ]),
    [{ text: '  help <command>' }, { text: 'tells more about a command' }],
    [{ text: '  -v, --version' }, { text: 'prints the version' }],
  ];
  return `usage: dservice <command>

${alignRows(rows).join('\n')}

Exit codes: 0 done; 1 it failed: the call, or to find somebody to call; 2 wrong usage; 130 by Ctrl-C.
`;
}
