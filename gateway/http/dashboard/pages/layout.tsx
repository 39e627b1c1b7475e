import { raw } from 'hono/html';
import type { Child } from 'hono/jsx';

const PAGES = [
  { path: '/dashboard', title: 'Overview' },
  { path: '/dashboard/latency', title: 'Latency' },
  { path: '/dashboard/startup', title: 'Starts' },
  { path: '/dashboard/keepwarm', title: 'Keep warm' },
  { path: '/dashboard/evictions', title: 'Evictions' },
  { path: '/dashboard/spend', title: 'Spend' },
  { path: '/dashboard/slos', title: 'SLOs' },
];

interface Frame {
  readonly title: string;
  /** null: nobody is logged in. */
  readonly csrf: string | null;
  readonly children?: Child;
}

/** A whole document. Nothing of it is inline: the content security policy allows none. */
export function Layout({ title, csrf, children }: Frame) {
  return (
    <>
      {raw('<!DOCTYPE html>')}
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          <title>{`${title} · Hearth`}</title>
          <link rel="icon" href="/dashboard/assets/icon.svg" type="image/svg+xml" />
          <link rel="stylesheet" href="/dashboard/assets/uplot.css" />
          <link rel="stylesheet" href="/dashboard/assets/style.css" />
          {csrf === null ? null : <script type="module" src="/dashboard/assets/dashboard.js"></script>}
        </head>
        <body>
          <a class="skip" href="#main">
            Skip to the content
          </a>
          <header>
            <p class="brand">Hearth</p>
            {csrf === null ? null : <Navigation title={title} />}
            {csrf === null ? null : (
              <form method="post" action="/dashboard/logout">
                <Csrf token={csrf} />
                <button type="submit">Log out</button>
              </form>
            )}
          </header>
          <main id="main" tabindex={-1}>
            <h1>{title}</h1>
            {children}
          </main>
        </body>
      </html>
    </>
  );
}

function Navigation({ title: current }: { readonly title: string }) {
  return (
    <nav aria-label="Pages">
      <ul>
        {PAGES.map(({ path, title }) => (
          <li>
            <a href={path} {...(title === current ? { 'aria-current': 'page' } : {})}>
              {title}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

/** What a form of ours carries, so that no other page can send it. */
export function Csrf({ token }: { readonly token: string }) {
  return <input type="hidden" name="csrf" value={token} />;
}
