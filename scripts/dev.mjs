/** `npm run dev`: the gateway, started again whenever a source changes. */
import { launch } from './launch.mjs';

void launch(async () => {
  const { watchAndRun } = await import('./watch.mjs');
  const { bootstrap, progress, ROOT } = await import('./bootstrap.mjs');
  await watchAndRun({ root: ROOT, log: progress, build: bootstrap });
});
