/** `npm start`. */
import { launch } from './launch.mjs';

void launch(async () => {
  const { serve } = await import('./serve.mjs');
  await serve();
});
