import type { Context } from 'hono';
import type { Result } from '../../domain/errors.ts';
import { streamEvents } from '../admin/eventStream.ts';
import type { HttpApp, HttpDeps, HttpEnv } from '../deps.ts';
import type { Session } from './access/sessions.ts';
import { assetHandler } from './assets.ts';
import type { DashboardData } from './data.ts';
import { figurePages } from './figurePages.tsx';
import { StartBoard } from './figures/startBoard.ts';
import { GatewayData } from './gatewayData.ts';
import { Guard } from './guard.ts';
import { keepWarmPages } from './keepWarmPages.tsx';
import { type Page, type PageStatus, statusOf } from './loggedIn.ts';
import { pageHeaders } from './pageHeaders.ts';
import { LoginPage } from './pages/login.tsx';
import { LiveParts, OverviewPage } from './pages/overview.tsx';
import type { PinProblem } from './pages/pins.tsx';
import { pinByForm, unpinByForm } from './pinOrders.ts';

const HOME = '/dashboard';

/** The pages at /dashboard, for people with the admin token. */
export function dashboardHandlers(app: HttpApp, deps: HttpDeps): void {
  const guard = new Guard(deps);
  const data = new GatewayData(deps, boardOf(deps));
  const nowMonoMs = (): number => deps.clock.monoMs();

  const loginPage = (c: Context<HttpEnv>, status: PageStatus, problem: string | null) =>
    c.html(<LoginPage csrf={guard.loginForm(c)} problem={problem} />, status);

  /** A page for who is logged in; for others the way in, as a page. */
  const page = (show: Page) => (c: Context<HttpEnv>) => {
    const session = guard.session(c);
    return session ? show(c, session) : loginPage(c, 200, null);
  };

  const overview = async (
    c: Context<HttpEnv>,
    { csrf }: Session,
    problem: PinProblem | null,
    status: PageStatus,
  ) =>
    c.html(
      <OverviewPage data={await data.overview()} csrf={csrf} nowMonoMs={nowMonoMs()} problem={problem} />,
      status,
    );

  /** A form of the overview: done, it leads back there; refused, the overview says why. */
  const change = (carryOut: (form: URLSearchParams) => Promise<Result<unknown>>) =>
    page(async (c, session) => {
      const form = await guard.form(c, session);
      const done = form.ok ? await carryOut(form.value) : form;
      if (done.ok) return c.redirect(HOME, 303);
      const combo = form.ok ? (form.value.get('combo') ?? '') : '';
      return overview(c, session, { ...done.error, combo }, statusOf(done.error));
    });

  app.use('/dashboard', pageHeaders);
  app.use('/dashboard/*', pageHeaders);
  app.get('/dashboard/assets/:name', assetHandler(deps.dashboardAssets));
  app.get(
    '/dashboard',
    page((c, session) => overview(c, session, null, 200)),
  );
  app.get('/dashboard/', (c) => c.redirect(HOME, 301));

  app.get('/dashboard/login', (c) => c.redirect(HOME, 303));
  app.post('/dashboard/login', async (c) => {
    const outcome = await guard.logIn(c);
    return outcome.ok ? c.redirect(HOME, 303) : loginPage(c, outcome.status, outcome.problem);
  });
  app.post('/dashboard/logout', async (c) => {
    const session = guard.session(c);
    const form = session && (await guard.form(c, session));
    if (form && !form.ok) return loginPage(c, statusOf(form.error), form.error.message);
    guard.logOut(c);
    return c.redirect(HOME, 303);
  });

  app.post(
    '/dashboard/pins',
    change((form) => pinByForm(form, deps)),
  );
  app.post(
    '/dashboard/pins/remove',
    change((form) => unpinByForm(form, deps)),
  );

  figurePages(app, deps, data, page);
  keepWarmPages(app, deps, guard, page);
  liveHandlers(app, deps, data, guard);
}

/** For the script of the overview: what has changed, and that something has. 401 without a session. */
function liveHandlers(app: HttpApp, deps: HttpDeps, data: DashboardData, guard: Guard): void {
  app.get('/dashboard/live', async (c) => {
    const session = guard.session(c);
    if (!session) return c.text('log in first', 401);
    const overview = await data.overview();
    return c.html(<LiveParts data={overview} csrf={session.csrf} nowMonoMs={deps.clock.monoMs()} />);
  });
  app.get('/dashboard/events', (c) => {
    if (!guard.session(c)) return c.text('log in first', 401);
    return streamEvents(c, deps, (ended) => guard.onEnd(c, ended));
  });
}

/** Hears of starts from the gateway's first moment, so that a page shows those that were before it. */
function boardOf({ live, clock }: HttpDeps): StartBoard {
  const board = new StartBoard();
  live.listen({ event: (event) => board.heard(event, clock.monoMs()), end: () => {} });
  return board;
}
