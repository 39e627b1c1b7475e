import { Csrf, Layout } from './layout.tsx';

interface Login {
  readonly csrf: string;
  /** Why the last try failed; null: there was none. */
  readonly problem: string | null;
}

export function LoginPage({ csrf, problem }: Login) {
  return (
    <Layout title="Log in" csrf={null}>
      <form method="post" action="/dashboard/login" class="card login">
        <Csrf token={csrf} />
        {problem === null ? null : (
          <p role="alert" class="problem" id="problem">
            {problem}
          </p>
        )}
        <label for="token">Admin token</label>
        <input
          id="token"
          name="token"
          type="password"
          autocomplete="current-password"
          required
          autofocus
          aria-describedby={problem === null ? 'hint' : 'hint problem'}
          {...(problem === null ? {} : { 'aria-invalid': 'true' })}
        />
        <p id="hint">
          What <code>HEARTH_ADMIN_TOKEN</code> says; without it what is in the file <code>admin-token</code>{' '}
          in the data directory: <code>cat .hearth/admin-token</code>
        </p>
        <button type="submit">Log in</button>
      </form>
    </Layout>
  );
}
