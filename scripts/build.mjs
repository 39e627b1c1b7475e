/** `npm run build`: everything that `npm start` would build, without starting. */
import { launch } from './launch.mjs';

void launch(async () => {
  const { bootstrap } = await import('./bootstrap.mjs');
  await bootstrap();
});
