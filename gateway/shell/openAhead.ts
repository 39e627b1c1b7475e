import type { Pool } from 'undici';

/**
 * Opens a connection to a runner that is loading, and leaves it idle in the pool: the first request would wait for it
 * otherwise, and for the first use of what makes it. One that fails is nobody's loss: the request opens its own.
 */
export function openAhead(client: Pool): void {
  client
    .request({ path: '/health', method: 'GET' })
    .then(({ body }) => body.dump())
    .catch(() => {});
}
