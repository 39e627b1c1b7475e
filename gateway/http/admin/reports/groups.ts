import type { Context } from 'hono';
import { parseCombo } from '../../../domain/combo.ts';
import { ok, type Result } from '../../../domain/errors.ts';
import type {
  Cube,
  Dimension,
  GroupQuery,
  ReportFormat,
  ReportGroup,
} from '../../../domain/reportFigures.ts';
import type { GroupedPlan } from '../../../reports/grouped.ts';
import type { HttpDeps, HttpEnv } from '../../deps.ts';
import { sendFailure } from '../../respond.ts';
import { formatOf, rangeOf, sendText, tooManyGroups } from './answer.ts';
import type { RangeQuery } from './query.ts';

export interface GroupsQuery extends RangeQuery {
  readonly combo?: string | undefined;
}

/** The groups of a cube in a range. */
export async function readGroups(
  deps: HttpDeps,
  query: GroupsQuery,
  cube: Cube,
  groupBy: readonly Dimension[],
): Promise<Result<readonly ReportGroup[]>> {
  const asked = groupQueryOf(deps, query, cube, groupBy);
  if (!asked.ok) return asked;
  const groups = await deps.reports.groups(asked.value);
  return groups === null ? tooManyGroups() : ok(groups);
}

/** A report of groups as text. It is made in the thread that reads: of thousands of rows it takes longer than requests may wait. */
export async function groupedText(
  deps: HttpDeps,
  query: GroupsQuery,
  { report, cube, groupBy }: GroupedPlan,
  format: ReportFormat,
): Promise<Result<string>> {
  const asked = groupQueryOf(deps, query, cube, groupBy);
  if (!asked.ok) return asked;
  const text = await deps.reports.text(report, asked.value, format);
  return text === null ? tooManyGroups() : ok(text);
}

/** Answers with a report of groups. */
export async function sendGrouped(
  c: Context<HttpEnv>,
  deps: HttpDeps,
  query: GroupsQuery,
  plan: Result<GroupedPlan>,
): Promise<Response> {
  if (!plan.ok) return sendFailure(c, plan.error);
  const format = formatOf(c, query.format);
  return sendText(c, format, await groupedText(deps, query, plan.value, format));
}

function groupQueryOf(
  deps: HttpDeps,
  query: GroupsQuery,
  cube: Cube,
  groupBy: readonly Dimension[],
): Result<GroupQuery> {
  const range = rangeOf(query);
  if (!range.ok) return range;
  const combo = query.combo === undefined ? null : canonical(deps, query.combo);
  return ok({ ...range.value, cube, combo, groupBy });
}

/** As the ledger has it. What is not in the catalogue any more may be in the ledger: it is taken as it stands. */
function canonical({ catalogue }: HttpDeps, name: string): string {
  const combo = parseCombo(name, [], catalogue.current());
  return combo.ok ? combo.value.name : name;
}
