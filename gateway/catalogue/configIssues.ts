import type * as z from 'zod';
import type { DocumentPath } from './yamlPositions.ts';

/** One thing that is wrong in a configuration: where, and what was expected. */
export interface ConfigIssue {
  readonly path: DocumentPath;
  /** Set when a key itself is wrong, not its value. */
  readonly key?: string;
  readonly text: string;
}

/** zod's error map for this file: every message says what was expected. Messages of the schemas win over it. */
export function expectation(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${withArticle(String(issue.expected))}`;
    case 'invalid_value':
      return `expected ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'too_small':
      return `expected at least ${issue.minimum}${issue.origin === 'string' ? ' characters' : ''}`;
    case 'too_big':
      return `expected at most ${issue.maximum}${issue.origin === 'string' ? ' characters' : ''}`;
    case 'unrecognized_keys':
      return `expected one of ${knownKeys(issue.inst).join(', ')}`;
    default:
      return undefined;
  }
}

/** zod's issues as ours: one per unknown key, the value that was there beside what was expected. */
export function readIssues(error: z.ZodError, input: unknown): ConfigIssue[] {
  return error.issues.flatMap((issue): ConfigIssue[] => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ path: issue.path, key, text: `unknown key, ${issue.message}` }));
    }
    if (issue.code === 'invalid_key') {
      const key = String(issue.path.at(-1));
      const expected = issue.issues[0]?.message ?? issue.message;
      return [{ path: issue.path.slice(0, -1), key, text: `${expected}, got ${show(key)}` }];
    }
    // A secret may stand where only its place should.
    if (issue.path[0] === 'sources') return [{ path: issue.path, text: issue.message }];
    const value = valueAt(input, issue.path);
    // Somebody may have put a key where its source belongs.
    const shown = issue.path[0] === 'encryption_keys' ? kindOf(value) : show(value);
    return [{ path: issue.path, text: `${issue.message}, got ${shown}` }];
  });
}

function knownKeys(schema: unknown): string[] {
  const shape = (schema as { _zod?: { def?: { shape?: object } } } | undefined)?._zod?.def?.shape;
  return Object.keys(shape ?? {});
}

function withArticle(type: string): string {
  const name = type === 'array' ? 'list' : type === 'object' || type === 'record' ? 'map' : type;
  return /^[aeiou]/.test(name) ? `an ${name}` : `a ${name}`;
}

function valueAt(input: unknown, path: DocumentPath): unknown {
  return path.reduce<unknown>((value, step) => (value as Record<PropertyKey, unknown> | null)?.[step], input);
}

function kindOf(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  return withArticle(Array.isArray(value) ? 'array' : typeof value);
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  // JSON has no NaN, which YAML writes `.nan`.
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? typeof value);
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`;
}
