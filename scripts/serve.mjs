/** Set-up, then the gateway in this very process, so that signals and exit codes are its own. */
import { bootstrap } from './bootstrap.mjs';

export async function serve() {
  await bootstrap();
  const { main } = await import('../dist/gateway.mjs');
  await main();
}
