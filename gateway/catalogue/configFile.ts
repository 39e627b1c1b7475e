import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type Document, LineCounter, parseDocument } from 'yaml';
import { fail, ok, type Result } from '../domain/errors.ts';
import { type ConfigIssue, expectation, readIssues } from './configIssues.ts';
import { configSchema, type FileConfig } from './configSchema.ts';
import { at, type DocumentPath, formatPath, keyPositionOf, positionOf } from './yamlPositions.ts';

const MAX_FILE_BYTES = 4 * 2 ** 20;
const MAX_SHOWN_ISSUES = 10;

/** A configuration file that was read and checked, and where in it everything stands. */
export interface ConfigDocument {
  /** Absolute. */
  readonly path: string;
  /** Where its relative paths start. */
  readonly directory: string;
  readonly config: FileConfig;
  /** The one message for issues that later checks find: each with `file:line:column: path: text`. */
  explain(issues: readonly ConfigIssue[]): string;
}

/**
 * Reads and checks the YAML file. `invalid_request` with a message that has one line per issue: the file, line and
 * column, the path in it, what was expected and what was there.
 */
export async function readConfigFile(path: string): Promise<Result<ConfigDocument>> {
  const absolute = resolve(path);
  try {
    const { size } = await stat(absolute);
    if (size > MAX_FILE_BYTES) {
      return refuse(absolute, `expected at most ${MAX_FILE_BYTES} bytes, got ${size}`);
    }
    return parseConfig(await readFile(absolute, 'utf8'), absolute);
  } catch (error) {
    return refuse(absolute, reasonOf(error));
  }
}

/** The same from a text; `path` is absolute and only named. */
export function parseConfig(text: string, path: string): Result<ConfigDocument> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const syntax = [...document.errors, ...document.warnings];
  if (syntax.length > 0) {
    const found = syntax.map((error) => {
      const { line, column } = at(lines, error.pos[0]);
      return `${path}:${line}:${column}: ${error.message}`;
    });
    return refuse(path, list(found));
  }
  const explain = (issues: readonly ConfigIssue[]) => explainIssues(document, lines, path, issues);
  let input: unknown;
  try {
    input = document.toJS({ maxAliasCount: 100 }) ?? {};
  } catch (error) {
    return refuse(path, reasonOf(error));
  }
  const parsed = configSchema.safeParse(input, { error: expectation });
  if (!parsed.success) return fail('invalid_request', explain(readIssues(parsed.error, input)));
  return ok({ path, directory: dirname(path), config: parsed.data, explain });
}

function explainIssues(
  document: Document,
  lines: LineCounter,
  path: string,
  issues: readonly ConfigIssue[],
): string {
  const found = issues.map(({ path: where, key, text }) => {
    const { line, column } =
      key === undefined ? positionOf(document, lines, where) : keyPositionOf(document, lines, where, key);
    const full: DocumentPath = key === undefined ? where : [...where, key];
    return `${path}:${line}:${column}: ${full.length > 0 ? `${formatPath(full)}: ` : ''}${text}`;
  });
  return `Cannot use configuration "${path}": ${list(found)}`;
}

function list(found: readonly string[]): string {
  const shown = found.slice(0, MAX_SHOWN_ISSUES);
  if (found.length > shown.length) shown.push(`and ${found.length - shown.length} more`);
  return shown.length === 1 ? (shown[0] as string) : `\n  ${shown.join('\n  ')}`;
}

function refuse(path: string, reason: string): Result<never> {
  return fail('invalid_request', `Cannot use configuration "${path}": ${reason}`);
}

function reasonOf(error: unknown): string {
  if (error instanceof Error && 'code' in error) {
    if (error.code === 'ENOENT') return 'there is no such file';
    if (error.code === 'EACCES') return 'the file is not readable for this user';
    if (error.code === 'EISDIR') return 'expected a file, got a directory';
  }
  return error instanceof Error ? error.message : String(error);
}
