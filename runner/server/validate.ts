import type * as z from 'zod';
import { type Checked, refuse } from './failure.ts';

/** A body's text as the schema has it. Messages name the field and what was expected, never what the field holds. */
export function parseBody<T>(schema: z.ZodType<T>, text: string): Checked<T> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's own message quotes the body.
    return refuse('invalid_json', 'Cannot parse the request body: expected JSON, got something else');
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return { ok: true, value: parsed.data };
  const issue = parsed.error.issues[0];
  if (issue === undefined)
    return refuse('invalid_value', 'Cannot accept the request body: expected another form');
  return refuseIssue(issue);
}

function refuseIssue(issue: z.core.$ZodIssue): Checked<never> {
  if (issue.code === 'unrecognized_keys') {
    const param = pathOf([...issue.path, issue.keys[0] ?? '']);
    return refuse('invalid_value', `Cannot accept "${param}": expected no such field`, param);
  }
  const param = pathOf(issue.path);
  const named = param === '' ? 'the request body' : `"${param}"`;
  return refuse(
    'invalid_value',
    `Cannot accept ${named}: ${expectation(issue)}`,
    param === '' ? null : param,
  );
}

function expectation(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_union') return 'expected one of the supported forms';
  if (issue.code === 'invalid_format') return 'expected another format';
  const text = issue.message.replace(/^(Invalid (input|option)|Too (big|small)): /, '');
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** `messages[0].content`, as OpenAI writes it. */
function pathOf(path: readonly PropertyKey[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else text += text === '' ? String(part) : `.${String(part)}`;
  }
  return text;
}
