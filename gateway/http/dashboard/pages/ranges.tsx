import { type Coverage, RANGES, type Range } from '../data.ts';
import { whole } from './format.ts';

/** Links to the same page over another time. */
export function Ranges({ path, range }: { readonly path: string; readonly range: Range }) {
  return (
    <nav aria-label="Time range" class="ranges">
      <ul>
        {RANGES.map((one) => (
          <li>
            <a href={`${path}?range=${one}`} {...(one === range ? { 'aria-current': 'true' } : {})}>
              {`last ${one}`}
            </a>
          </li>
        ))}
      </ul>
    </nav>
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
