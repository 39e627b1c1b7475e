import { Layout } from './layout.tsx';
import { Problem } from './ranges.tsx';

/** What stands in the place of a file that could not be made. */
export function ProblemPage({ message, csrf }: { readonly message: string; readonly csrf: string }) {
  return (
    <Layout title="Not there" csrf={csrf}>
      <Problem message={message} />
      <p>Go back to the page that you came from, and choose a shorter time there.</p>
    </Layout>
  );
}
