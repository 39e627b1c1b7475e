import { MOST_GROUPS } from '../../../domain/reportFigures.ts';
import { type Coverage, RANGES, type Span } from '../data.ts';
import { whole } from './format.ts';

interface RangesProps {
  readonly path: string;
  readonly span: Span;
  /** What else the page was asked for. */
  readonly others?: Readonly<Record<string, string>>;
}

export function linkTo(path: string, fields: Readonly<Record<string, string>>): string {
  return `${path}?${new URLSearchParams(fields).toString()}`;
}

/** Links to the same page over another time, and a form for any. */
export function Ranges({ path, span, others = {} }: RangesProps) {
  return (
    <div class="ranges">
      <nav aria-label="Time range">
        <ul>
          {RANGES.map((range) => (
            <li>
              <a
                href={linkTo(path, { ...others, range })}
                {...(range === span.range ? { 'aria-current': 'true' } : {})}
              >
                {`last ${range}`}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <details {...(span.range === null ? { open: true } : {})}>
        <summary>other time</summary>
        <form method="get" action={path} class="fields">
          {Object.entries(others).map(([name, value]) => (
            <input type="hidden" name={name} value={value} />
          ))}
          <div>
            <label for="span-from">From (UTC)</label>
            <input
              id="span-from"
              name="from"
              type="datetime-local"
              required
              value={fieldOf(span.fromEpochMs)}
            />
          </div>
          <div>
            <label for="span-to">To (UTC)</label>
            <input id="span-to" name="to" type="datetime-local" required value={fieldOf(span.toEpochMs)} />
          </div>
          <button type="submit">Show</button>
        </form>
      </details>
    </div>
  );
}

/** As the field of a form has a time: to the minute, in UTC. */
function fieldOf(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 16);
}

/** What a page says of its time. */
export function spanWords({ range, fromEpochMs, toEpochMs }: Span): string {
  if (range !== null) return `in the last ${range}`;
  return `from ${fieldOf(fromEpochMs).replace('T', ' ')} to ${fieldOf(toEpochMs).replace('T', ' ')} UTC`;
}

/** What asks for the same page again. */
export function spanFields({ range, fromEpochMs, toEpochMs }: Span): Record<string, string> {
  if (range !== null) return { range };
  return { from: new Date(fromEpochMs).toISOString(), to: new Date(toEpochMs).toISOString() };
}

interface Download {
  readonly label: string;
  /** Of a report of the admin API. */
  readonly report: string;
  readonly groupBy?: string;
  readonly limit?: number;
}

/** Links to the figures of the page as tables for a spreadsheet: of the same time, also when they are opened later. */
export function Downloads({ span, reports }: { readonly span: Span; readonly reports: readonly Download[] }) {
  const times = {
    from: new Date(span.fromEpochMs).toISOString(),
    to: new Date(span.toEpochMs).toISOString(),
  };
  return (
    <p class="downloads">
      {'Download as CSV: '}
      {reports.map(({ label, report, groupBy, limit }, index) => (
        <>
          {index === 0 ? '' : ', '}
          <a
            href={linkTo(`/dashboard/reports/${report}.csv`, {
              ...times,
              ...(groupBy === undefined ? {} : { group_by: groupBy }),
              ...(limit === undefined ? {} : { limit: String(limit) }),
            })}
          >
            {label}
          </a>
        </>
      ))}
    </p>
  );
}

/** What the figures were made of. */
export function Covers({ coverage }: { readonly coverage: Coverage }) {
  const { requests, isCut } = coverage;
  return (
    <p class="note">
      {isCut
        ? `Of the newest ${whole(requests)} requests; older ones of this time are not in it.`
        : `Of ${whole(requests)} requests.`}
    </p>
  );
}

interface MoreProps {
  readonly shown: number;
  readonly all: number;
  readonly what: string;
  /** Most rows of the CSV. */
  readonly mostInCsv?: number;
}

/** Says that a table does not go on, and where the rest is. Nothing when it has all. */
export function More({ shown, all, what, mostInCsv = MOST_GROUPS }: MoreProps) {
  if (all <= shown) return null;
  const where =
    all <= mostInCsv
      ? 'more are in the CSV.'
      : `more are too many for a CSV, which has at most ${whole(mostInCsv)} rows: choose a shorter time.`;
  return (
    <p class="note">
      {`These are the first ${whole(shown)} of ${whole(all)} ${what}; ${whole(all - shown)} ${where}`}
    </p>
  );
}

/** Why the page does not show what it was asked for. */
export function Problem({ message }: { readonly message: string | null }) {
  if (message === null) return null;
  return (
    <p role="alert" class="problem">
      {message}
    </p>
  );
}
