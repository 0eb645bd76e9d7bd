import { DserviceError, type Issue } from '../errors.js';
import { isThenable } from './bridge.js';
import type { AnySchema, ArgumentSchemas, SchemaIssue } from './schema.js';

/** Issues that an error tells, characters of each, and keys of a path. */
const most = { issues: 20, message: 200, path: 32 };

/** What a schema says of a value: what it makes of it, or what is wrong. */
export interface Verdict {
  readonly value: unknown;
  readonly fault?: Fault;
}

interface Fault {
  readonly issues: readonly Issue[];
  /** Issues there were. */
  readonly count: number;
  /** What the schema threw. */
  readonly cause?: unknown;
}

type Judged = Verdict | PromiseLike<Verdict>;

/** A value by its schema. Never throws, and its promise never rejects: what a schema throws is a fault as well. */
export function judge(schema: AnySchema, value: unknown): Judged {
  try {
    const result: unknown = schema['~standard'].validate(value);
    return isThenable(result) ? Promise.resolve(result).then(read, thrown) : read(result);
  } catch (error) {
    return thrown(error);
  }
}

/** As `judge`, of arguments: a list of as many values as there are schemas, or as the one for all makes. */
export function judgeArguments(schemas: ArgumentSchemas, args: readonly unknown[]): Judged {
  if (!isList(schemas)) {
    const judged = judge(schemas, args);
    return isThenable(judged) ? judged.then(asList) : asList(judged);
  }
  if (args.length > schemas.length) {
    const message = `there are ${schemas.length} parameters, and ${args.length} arguments`;
    return { value: undefined, fault: { issues: [{ message, path: [schemas.length] }], count: 1 } };
  }
  const judged = schemas.map((schema, i) => judge(schema, args[i]));
  if (!judged.some(isThenable)) return joined(judged as Verdict[]);
  return Promise.all(judged.map(async (verdict) => await verdict)).then(joined);
}

function isList(schemas: ArgumentSchemas): schemas is readonly AnySchema[] {
  return Array.isArray(schemas);
}

function asList(verdict: Verdict): Verdict {
  if (verdict.fault !== undefined || Array.isArray(verdict.value)) return verdict;
  return thrown(new TypeError('the schema of the arguments makes no list of them'));
}

function joined(verdicts: readonly Verdict[]): Verdict {
  const faults = verdicts.flatMap(({ fault }, at) =>
    fault === undefined ? [] : [{ ...fault, issues: fault.issues.map((it) => within(at, it)) }],
  );
  const [first] = faults;
  if (first === undefined) return { value: verdicts.map(({ value }) => value) };
  const issues = faults.flatMap((fault) => fault.issues).slice(0, most.issues);
  const count = faults.reduce((sum, fault) => sum + fault.count, 0);
  const threw = faults.find((fault) => 'cause' in fault);
  return { value: undefined, fault: { ...(threw && { cause: threw.cause }), issues, count } };
}

function within(at: number, { message, path }: Issue): Issue {
  return { message, path: [at, ...path].slice(0, most.path) };
}

function thrown(cause: unknown): Verdict {
  return { value: undefined, fault: { issues: [], count: 0, cause } };
}

/** What `validate` returned, which may be anything. */
function read(result: unknown): Verdict {
  try {
    if (typeof result !== 'object' || result === null) {
      throw new TypeError('the schema says neither a value nor issues');
    }
    const { value, issues } = result as { value?: unknown; issues?: readonly SchemaIssue[] };
    if (issues === undefined || issues === null) return { value };
    if (!Array.isArray(issues)) throw new TypeError('the issues of a schema are a list');
    const told = first(issues, most.issues).map(readIssue);
    return { value: undefined, fault: { issues: told, count: issues.length } };
  } catch (error) {
    return thrown(error);
  }
}

/** The first of a list, which may be of a class that has its own way to be copied. */
function first<T>(list: readonly T[], count: number): T[] {
  const found: T[] = [];
  for (const each of list) {
    if (found.length === count) break;
    found.push(each);
  }
  return found;
}

function readIssue({ message, path = [] }: SchemaIssue): Issue {
  const keys = first(path, most.path).map((step) => {
    const key = typeof step === 'object' ? step.key : step;
    return typeof key === 'number' ? key : String(key).slice(0, most.message);
  });
  return { message: String(message).slice(0, most.message), path: keys };
}

/** The error for who gave arguments that are not valid. */
export function invalidArguments(fault: Fault, method: string): DserviceError {
  const name = method.slice(0, 64);
  const text = `the arguments of ${name} are not valid: ${tell(fault)}`;
  const cause = 'cause' in fault ? { cause: fault.cause } : {};
  const error = new DserviceError('ERR_VALIDATION', text, {
    ...{ method: name, mayHaveRun: false },
    ...cause,
  });
  return Object.assign(error, { issues: fault.issues });
}

/**
 * The errors for an outcome that is not valid: `told` is for the caller, who has done nothing wrong, and is told
 * nothing of the value; `detail` is for who serves.
 */
export function invalidResult(
  fault: Fault,
  method: string,
): { told: DserviceError; detail: DserviceError } {
  const name = method.slice(0, 64);
  const text = `the outcome of ${name} is not valid, which is the fault of the service`;
  const details = { method: name, mayHaveRun: true };
  const cause = 'cause' in fault ? { cause: fault.cause } : {};
  const detail = new DserviceError('ERR_VALIDATION', `${text}: ${tell(fault)}`, {
    ...details,
    ...cause,
  });
  return {
    told: new DserviceError('ERR_VALIDATION', text, details),
    detail: Object.assign(detail, { issues: fault.issues }),
  };
}

function tell(fault: Fault): string {
  const said = fault.issues
    .slice(0, 3)
    .map(({ message, path }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`));
  if ('cause' in fault) said.push('the schema failed');
  const more = fault.count - Math.min(fault.issues.length, 3);
  return `${said.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}
