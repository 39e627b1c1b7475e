import type { z } from '@hono/zod-openapi';
import type { ErrorCode, Failure } from '../domain/errors.ts';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** One thing that is wrong, found in zod's tree of issues: where, and what was expected against what was there. */
interface Finding {
  readonly path: Path;
  readonly text: string;
  readonly code: ErrorCode | undefined;
}

/** Fields whose values are a user's content: not even a number of theirs is repeated in a message. */
const CONTENT_FIELDS = new Set<PropertyKey>(['messages', 'prompt', 'input']);
/** Content parts of OpenAI's that a text model cannot take. */
const FOREIGN_PARTS = new Set<unknown>(['image_url', 'input_audio', 'file', 'video_url', 'audio_url']);

/**
 * Puts zod's complaint about `input` into house grammar: ``Cannot read request: `n`: expected at most 128, got 500``.
 * One finding only, the first by the schema's order; of a union the branch that came furthest. Values of messages and
 * prompts never appear.
 */
export function failureOfIssues(error: z.ZodError, input: unknown, action = 'read request'): Failure {
  const issue = error.issues[0];
  const found = issue ? findingOf(issue, [], input) : { path: [], text: 'not valid', code: undefined };
  const param = paramOf(found.path);
  const code = found.code ?? (found.path[0] === 'lora' ? 'invalid_lora' : 'invalid_request');
  const message = `Cannot ${action}: ${param === '' ? '' : `\`${param}\`: `}${found.text}`;
  return param === '' ? { code, message } : { code, message, param };
}

/** A path as clients write it, `messages[0].content`; names from the request are cut down to harmless ones. */
export function paramOf(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else
      text += `${text === '' ? '' : '.'}${String(step)
        .replaceAll(/[^\w-]/g, '_')
        .slice(0, 64)}`;
  }
  return text;
}

/** What a JSON value is, in one word. */
export function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function findingOf(issue: Issue, above: Path, input: unknown): Finding {
  const path = [...above, ...issue.path];
  if (issue.code === 'invalid_union' && issue.errors.length > 0) return findingOfUnion(issue, path, input);
  if (issue.code === 'unrecognized_keys') {
    return { path: [...path, issue.keys[0] ?? ''], text: 'expected no such field', code: undefined };
  }
  const value = valueAt(input, path);
  const code = issue.code === 'custom' ? (issue.params?.['code'] as ErrorCode | undefined) : undefined;
  const foreign = path.at(-1) === 'type' && FOREIGN_PARTS.has(value);
  const expected = expectationOf(issue);
  const text = issue.code === 'custom' ? expected : `${expected}, got ${actualOf(issue, path, value)}`;
  return { path, text, code: foreign ? 'unsupported_parameter' : code };
}

function findingOfUnion(issue: z.core.$ZodIssueInvalidUnion, path: Path, input: unknown): Finding {
  const branches = issue.errors.flatMap((issues) => (issues[0] ? [issues[0]] : []));
  const shallow = branches.filter((branch) => branch.path.length === 0 && branch.code !== 'invalid_union');
  if (shallow.length === branches.length) {
    const value = valueAt(input, path);
    const types = shallow.filter((branch) => branch.code !== 'invalid_type');
    // A value of a right type that breaks another rule: that rule is the news.
    const rule = types.find((branch) => branch.code !== 'invalid_value');
    if (rule) return findingOf(rule, path, input);
    const names = [...new Set(shallow.map((branch) => expectationOf(branch).replace(/^expected /, '')))];
    return { path, text: `expected ${names.join(' or ')}, got ${kindOf(value)}`, code: undefined };
  }
  const findings = branches.map((branch) => findingOf(branch, path, input));
  return findings.reduce((best, next) => (next.path.length > best.path.length ? next : best));
}

function expectationOf(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${typeName(issue.expected)}`;
    case 'too_big':
      return `expected ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}${unitOf(issue.origin, issue.maximum)}`;
    case 'too_small':
      return `expected ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${unitOf(issue.origin, issue.minimum)}`;
    case 'invalid_value':
      return `expected ${oneOf(issue.values)}`;
    case 'invalid_union':
      return `expected ${'options' in issue && Array.isArray(issue.options) ? oneOf(issue.options) : 'another value'}`;
    case 'invalid_format':
      // A schema that names its format in words of its own says it better than the pattern.
      return issue.message.startsWith('expected ')
        ? issue.message
        : `expected text that matches ${issue.pattern ?? issue.format}`;
    case 'invalid_key':
      return `expected another name: ${issue.issues[0] ? expectationOf(issue.issues[0]) : 'not valid'}`;
    default:
      return issue.message;
  }
}

/** What was there instead: a number where it says something and is no content, else only its kind. */
function actualOf(issue: Issue, path: Path, value: unknown): string {
  if ((issue.code === 'too_big' || issue.code === 'too_small') && unitOf(issue.origin, 0) !== '') {
    const size = Array.isArray(value) || typeof value === 'string' ? value.length : Number.NaN;
    if (!Number.isNaN(size)) return String(size);
  }
  if (typeof value === 'number' && !CONTENT_FIELDS.has(path[0] ?? '')) return String(value);
  if (typeof value === 'string' && FOREIGN_PARTS.has(value)) return `"${value}"`;
  const sameKind = issue.code === 'invalid_value' || issue.code === 'invalid_union';
  return sameKind && typeof value === 'string' ? 'another string' : kindOf(value);
}

function typeName(expected: string): string {
  if (expected === 'int') return 'integer';
  return expected === 'record' ? 'object' : expected;
}

/** What a size is counted in; nothing for plain numbers. */
function unitOf(origin: string, count: number | bigint): string {
  if (origin === 'string') return count === 1 ? ' character' : ' characters';
  if (origin !== 'array') return '';
  return count === 1 ? ' entry' : ' entries';
}

function oneOf(values: readonly unknown[]): string {
  const quoted = values.map((value) => JSON.stringify(value));
  return quoted.length > 1 ? `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}` : (quoted[0] ?? '');
}

function valueAt(input: unknown, path: Path): unknown {
  let value = input;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}
