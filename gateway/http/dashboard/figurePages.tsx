import type { Context } from 'hono';
import type { JSX } from 'hono/jsx/jsx-runtime';
import type { Failure } from '../../domain/errors.ts';
import type { HttpApp, HttpDeps, HttpEnv } from '../deps.ts';
import type { Session } from './access/sessions.ts';
import type { DashboardData, Span } from './data.ts';
import { DOWNLOADS } from './downloads.ts';
import { type LoggedIn, statusOf } from './loggedIn.ts';
import { EvictionsPage } from './pages/evictions.tsx';
import { LatencyPage } from './pages/latency.tsx';
import { ProblemPage } from './pages/problem.tsx';
import { SlosPage } from './pages/slos.tsx';
import { SpendPage } from './pages/spend.tsx';
import { StartupPage } from './pages/startup.tsx';
import { readSpan, spanOf } from './span.ts';

/** What a page of figures is made for. */
interface Asked {
  readonly span: Span;
  readonly csrf: string;
  /** Why it is not the time that was asked for; null: it is. */
  readonly problem: string | null;
}

/** The pages over the books, and the same as files. */
export function figurePages(app: HttpApp, deps: HttpDeps, data: DashboardData, page: LoggedIn): void {
  const figures = (path: string, show: (asked: Asked) => Promise<JSX.Element>) =>
    app.get(
      path,
      page(async (c, { csrf }) => {
        const now = deps.clock.epochMs();
        const span = readSpan(c.req.query(), now);
        if (span.ok) return c.html(await show({ span: span.value, csrf, problem: null }));
        const asked = { span: spanOf('24h', now), csrf, problem: span.error.message };
        return c.html(await show(asked), 400);
      }),
    );

  figures('/dashboard/latency', async (asked) => (
    <LatencyPage {...asked} latency={await data.latency(asked.span)} />
  ));
  figures('/dashboard/startup', async (asked) => (
    <StartupPage {...asked} startup={await data.startup(asked.span)} />
  ));
  figures('/dashboard/evictions', async (asked) => (
    <EvictionsPage {...asked} evictions={await data.evictions(asked.span)} />
  ));
  figures('/dashboard/spend', async (asked) => {
    const { version } = deps.prices.current();
    const spend = await data.spend(asked.span);
    return <SpendPage {...asked} spend={spend} keys={data.keyBudgets()} priceVersion={version} />;
  });
  app.get(
    '/dashboard/slos',
    page(async (c, { csrf }) => {
      const span = spanOf('30d', deps.clock.epochMs());
      return c.html(<SlosPage objectives={await data.objectives()} span={span} csrf={csrf} />);
    }),
  );
  app.get(
    '/dashboard/reports/:file{[a-z_]+\\.csv}',
    page(async (c, session) => {
      const name = c.req.param('file')?.slice(0, -'.csv'.length) ?? '';
      const download = Object.hasOwn(DOWNLOADS, name) ? DOWNLOADS[name] : undefined;
      if (!download)
        return problemPage(c, session, { code: 'not_found', message: 'Cannot find that report' });
      const sent = await download(c, deps);
      return sent.ok ? sent.value : problemPage(c, session, sent.error);
    }),
  );
}

function problemPage(c: Context<HttpEnv>, { csrf }: Session, failure: Failure) {
  return c.html(<ProblemPage message={failure.message} csrf={csrf} />, statusOf(failure));
}
