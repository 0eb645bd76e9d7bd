/**
 * A schema of any library that speaks Standard Schema (https://standardschema.dev, version 1), as that has it
 * copied: zod, valibot, arktype and others. `Input` is what it takes, `Output` what it makes of it.
 */
export interface Schema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

// What a schema takes and makes stands in `types`, which no schema has: it is for here.
// oxlint-disable-next-line no-explicit-any
export type AnySchema = Schema<any, any>;

export type InputOf<S extends AnySchema> = NonNullable<S['~standard']['types']>['input'];
export type OutputOf<S extends AnySchema> = NonNullable<S['~standard']['types']>['output'];

/** What the arguments must be: a schema for each parameter, or one for their list. */
export type ArgumentSchemas = AnySchema | readonly AnySchema[];

/** What callers give: what may be left out at the end, may be left out. */
export type InputsOf<A extends ArgumentSchemas> = A extends readonly AnySchema[]
  ? ListInputs<A>
  : A extends AnySchema
    ? AsList<InputOf<A>>
    : never;

/** What the handler gets: of a list of schemas, as many values as those are. */
export type OutputsOf<A extends ArgumentSchemas> = A extends readonly AnySchema[]
  ? ListOutputs<A>
  : A extends AnySchema
    ? AsList<OutputOf<A>>
    : never;

type ListInputs<L extends readonly AnySchema[]> = L extends readonly [
  ...infer Before extends readonly AnySchema[],
  infer Last extends AnySchema,
]
  ? undefined extends InputOf<Last>
    ? [...ListInputs<Before>, InputOf<Last>?]
    : [...{ [I in keyof Before]: InputOf<Before[I]> }, InputOf<Last>]
  : L extends readonly []
    ? []
    : InputOf<L[number]>[];

type ListOutputs<L extends readonly AnySchema[]> = { -readonly [I in keyof L]: OutputOf<L[I]> };

type AsList<T> = T extends readonly unknown[] ? [...T] : unknown[];

/** Whether a value is a schema. */
export function isSchema(value: unknown): value is AnySchema {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  const standard: unknown = Reflect.get(value, '~standard');
  return (
    typeof standard === 'object' &&
    standard !== null &&
    typeof Reflect.get(standard, 'validate') === 'function'
  );
}
