import { fail, ok, type Result } from '../../domain/errors.ts';
import { textOf } from '../../reports/text.ts';
import type { HttpApp, HttpDeps } from '../deps.ts';
import { sendCsv } from './downloads.ts';
import type { Guard } from './guard.ts';
import { type KeepWarmAsk, KeepWarmDesk } from './keepWarmDesk.ts';
import { type LoggedIn, statusOf } from './loggedIn.ts';
import { KeepWarmPage } from './pages/keepWarm.tsx';
import { linkTo, spanFields } from './pages/ranges.tsx';
import { readSpan, spanOf } from './span.ts';

const PATH = '/dashboard/keepwarm';
/** As the admin API has it. */
const MOST_WAIT_USD = 1_000_000;

/** Whether keeping combos warm pays: asked for by a form, worked out while nobody waits, and looked at when it is there. */
export function keepWarmPages(app: HttpApp, deps: HttpDeps, guard: Guard, page: LoggedIn): void {
  const desk = new KeepWarmDesk(deps);

  const show = (csrf: string, ask: Result<KeepWarmAsk>, problem: string | null) => {
    const shown = ask.ok ? ask.value : emptyAsk(deps);
    return (
      <KeepWarmPage
        state={desk.look(shown)}
        span={shown.span}
        wait={String(shown.waitUsdPerSecond)}
        csrf={csrf}
        problem={problem}
      />
    );
  };

  app.get(
    PATH,
    page((c, { csrf }) => {
      const ask = readAsk(c.req.query(), deps);
      if (ask.ok) return c.html(show(csrf, ask, null));
      return c.html(show(csrf, ask, ask.error.message), 400);
    }),
  );
  app.post(
    PATH,
    page(async (c, session) => {
      const form = await guard.form(c, session);
      const ask = form.ok ? readAsk(Object.fromEntries(form.value), deps) : form;
      if (!ask.ok) return c.html(show(session.csrf, ask, ask.error.message), statusOf(ask.error));
      const begun = desk.begin(ask.value);
      if (!begun.ok) return c.html(show(session.csrf, ask, begun.error.message), statusOf(begun.error));
      return c.redirect(pathOf(ask.value), 303);
    }),
  );
  app.get(
    `${PATH}.csv`,
    page((c) => {
      const ask = readAsk(c.req.query(), deps);
      const made = ask.ok ? desk.report(ask.value) : null;
      // Forgotten meanwhile, or not worked out: there it can be asked for.
      if (!ask.ok || made === null) return c.redirect(ask.ok ? pathOf(ask.value) : PATH, 303);
      return sendCsv(c, 'keepwarm', made.fromEpochMs, made.toEpochMs, textOf(made.report, 'csv'));
    }),
  );
}

function emptyAsk({ clock }: HttpDeps): KeepWarmAsk {
  return { span: spanOf('24h', clock.epochMs()), waitUsdPerSecond: 0 };
}

function readAsk(asked: Readonly<Record<string, string>>, { clock }: HttpDeps): Result<KeepWarmAsk> {
  const span = readSpan(asked, clock.epochMs());
  if (!span.ok) return span;
  const text = asked['wait']?.trim() || '0';
  const waitUsdPerSecond = Number(text);
  if (!(waitUsdPerSecond >= 0 && waitUsdPerSecond <= MOST_WAIT_USD)) {
    const got = JSON.stringify(text.slice(0, 32));
    return fail(
      'invalid_request',
      `Cannot weigh waiting: expected 0 to ${MOST_WAIT_USD} USD, got ${got}`,
      'wait',
    );
  }
  return ok({ span: span.value, waitUsdPerSecond });
}

function pathOf({ span, waitUsdPerSecond }: KeepWarmAsk): string {
  return linkTo(PATH, { ...spanFields(span), wait: String(waitUsdPerSecond) });
}
