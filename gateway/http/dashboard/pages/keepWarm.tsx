import type { KeepWarm, KeepWarmState, Span } from '../data.ts';
import { milliseconds, time, whole } from './format.ts';
import { KeepWarmCombos } from './keepWarmCombos.tsx';
import { Csrf, Layout } from './layout.tsx';
import { linkTo, Problem, Ranges, spanFields, spanWords } from './ranges.tsx';
import { Empty } from './table.tsx';

interface KeepWarmProps {
  readonly state: KeepWarmState;
  readonly span: Span;
  /** What a second that a client waits is worth, in USD, as it was filled in. */
  readonly wait: string;
  readonly csrf: string;
  readonly problem: string | null;
}

export function KeepWarmPage({ state, span, wait, csrf, problem }: KeepWarmProps) {
  return (
    <Layout title="Keep warm" csrf={csrf}>
      <Problem message={problem} />
      <Ranges path="/dashboard/keepwarm" span={span} others={wait === '0' ? {} : { wait }} />
      <Ask state={state} span={span} wait={wait} csrf={csrf} />
      <div id="worked" {...(state.state === 'working' ? { 'data-working': '' } : {})}>
        <p id="worked-state" role="status">
          {wordsOf(state, span)}
        </p>
        <div id="worked-out">{outcomeOf(state, span, wait)}</div>
      </div>
    </Layout>
  );
}

function Ask({ state, span, wait, csrf }: Pick<KeepWarmProps, 'state' | 'span' | 'wait' | 'csrf'>) {
  return (
    <section class="card" aria-labelledby="ask">
      <h2 id="ask">Is it worth keeping warm?</h2>
      <p>
        The requests that were recorded are replayed through the pool’s own policy, with other times until an
        idle combo is let go. This takes some seconds, on a thread of its own.
      </p>
      <form method="post" action="/dashboard/keepwarm" class="fields">
        <Csrf token={csrf} />
        {Object.entries(spanFields(span)).map(([name, value]) => (
          <input type="hidden" name={name} value={value} />
        ))}
        <div>
          <label for="wait">A second of waiting is worth (USD)</label>
          <input id="wait" name="wait" type="number" min="0" max="1000000" step="any" value={wait} required />
        </div>
        <button type="submit">{state.state === 'none' ? 'Work it out' : 'Work it out anew'}</button>
      </form>
    </section>
  );
}

function wordsOf(state: KeepWarmState, span: Span): string {
  switch (state.state) {
    case 'none':
      return '';
    case 'working':
      return `The requests ${spanWords(span)} are being replayed…`;
    case 'failed':
      return 'The replay failed.';
    case 'done':
      return resultWords(state.result);
  }
}

function resultWords({ doneAtEpochMs, tookMs, replayed }: KeepWarm): string {
  const { requests, found, leftOut, hours } = replayed;
  const part = requests === found ? whole(requests) : `the last ${whole(requests)} of ${whole(found)}`;
  const without = leftOut === 0 ? '' : `, without ${whole(leftOut)} for bases that are no longer there`;
  return (
    `Worked out at ${time(doneAtEpochMs)} UTC in ${milliseconds(tookMs)}, ` +
    `of ${part} requests over ${hoursWords(hours)}${without}.`
  );
}

function hoursWords(hours: number): string {
  if (hours < 0.1) return milliseconds(hours * 3_600_000);
  if (hours < 1) return `${Math.round(hours * 60)} minutes`;
  return `${hours < 10 ? hours.toFixed(1) : whole(Math.round(hours))} hours`;
}

function outcomeOf(state: KeepWarmState, span: Span, wait: string) {
  const again = linkTo('/dashboard/keepwarm', { ...spanFields(span), wait });
  switch (state.state) {
    case 'none':
      return (
        <Empty>
          <p>{`Nothing is worked out yet of the requests ${spanWords(span)}. Ask for it above.`}</p>
        </Empty>
      );
    case 'working':
      return (
        <p>
          <a href={again}>Look again</a>
        </p>
      );
    case 'failed':
      return <Problem message={state.message} />;
    case 'done':
      return <Result result={state.result} span={span} wait={wait} />;
  }
}

function Result({ result, span, wait }: { result: KeepWarm; span: Span; wait: string }) {
  if (result.combos.length === 0) {
    return (
      <Empty>
        <p>{`No request ${spanWords(span)} got as far as a runner: there is nothing to replay. Choose a longer time.`}</p>
      </Empty>
    );
  }
  return (
    <>
      <KeepWarmCombos combos={result.combos} />
      <p class="downloads">
        {'Download as CSV: '}
        <a href={linkTo('/dashboard/keepwarm.csv', { ...spanFields(span), wait })}>combos by time to live</a>
      </p>
      <p class="note">
        {'Of the replay are left out: pins, sleep, standbys, the weight store, and '}
        <code>keep_alive</code>
        {` of requests; starts take the median of what they took. All combos get the same time to live in one replay.`}
      </p>
    </>
  );
}
