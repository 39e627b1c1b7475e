import { parseCombo } from '../../../domain/combo.ts';
import { ok, type Result } from '../../../domain/errors.ts';
import type { Cube, Dimension, ReportGroup } from '../../../domain/reportFigures.ts';
import type { HttpDeps } from '../../deps.ts';
import { rangeOf, tooManyGroups } from './answer.ts';
import type { RangeQuery } from './query.ts';

interface GroupsQuery extends RangeQuery {
  readonly combo?: string | undefined;
}

/** The groups of a cube in a range. */
export async function readGroups(
  deps: HttpDeps,
  query: GroupsQuery,
  cube: Cube,
  groupBy: readonly Dimension[],
): Promise<Result<readonly ReportGroup[]>> {
  const range = rangeOf(query);
  if (!range.ok) return range;
  const combo = query.combo === undefined ? null : canonical(deps, query.combo);
  const groups = await deps.reports.groups({ ...range.value, cube, combo, groupBy });
  return groups === null ? tooManyGroups() : ok(groups);
}

/** As the ledger has it. What is not in the catalogue any more may be in the ledger: it is taken as it stands. */
function canonical({ catalogue }: HttpDeps, name: string): string {
  const combo = parseCombo(name, [], catalogue.current());
  return combo.ok ? combo.value.name : name;
}
