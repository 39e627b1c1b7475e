/** `npm start`: set-up, then the gateway in this very process, so that signals and exit codes are its own. */
import { launch } from './launch.mjs';

void launch(async () => {
  const { bootstrap } = await import('./bootstrap.mjs');
  await bootstrap();
  const { main } = await import('../dist/gateway.mjs');
  await main();
});
