import type { Context } from 'hono';
import { parseCombo } from '../../../domain/combo.ts';
import { ok, type Result } from '../../../domain/errors.ts';
import type { Cube, Dimension, GroupQuery, ReportGroup } from '../../../domain/reportFigures.ts';
import { GROUPED_REPORTS, type GroupedPlan } from '../../../reports/grouped.ts';
import type { HttpDeps, HttpEnv } from '../../deps.ts';
import { sendFailure } from '../../respond.ts';
import { isCsvWanted, type Report, rangeOf, sendList, sendReport, tooManyGroups } from './answer.ts';
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

/** A report of groups, as rows. */
export async function groupedReport(
  deps: HttpDeps,
  query: GroupsQuery,
  { report, cube, groupBy }: GroupedPlan,
): Promise<Result<Report>> {
  const groups = await readGroups(deps, query, cube, groupBy);
  if (!groups.ok) return groups;
  const { rows, columns } = GROUPED_REPORTS[report];
  return ok({ rows: rows(groups.value, groupBy), columns: columns(groupBy) });
}

/** Answers with a report of groups. JSON is made in the thread that reads: of thousands of rows it takes longer than requests may wait. */
export async function sendGrouped(
  c: Context<HttpEnv>,
  deps: HttpDeps,
  query: GroupsQuery,
  plan: Result<GroupedPlan>,
): Promise<Response> {
  if (!plan.ok) return sendFailure(c, plan.error);
  const { report, cube, groupBy } = plan.value;
  if (isCsvWanted(c, query.format))
    return sendReport(c, query.format, await groupedReport(deps, query, plan.value));
  const asked = groupQueryOf(deps, query, cube, groupBy);
  if (!asked.ok) return sendFailure(c, asked.error);
  const json = await deps.reports.json(report, asked.value);
  return json === null ? sendFailure(c, tooManyGroups().error) : sendList(c, json);
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
