import type { Log } from '../ports/log.ts';
import type { CatalogueService } from './catalogueService.ts';

/** Looks again and again at what could not be looked at, one time after the other. Returns the way to stop. */
export function revisitRegularly(
  catalogue: Pick<CatalogueService, 'revisit'>,
  everyMs: number,
  log: Log,
): () => void {
  let isRunning = false;
  const revisit = async () => {
    if (isRunning) return;
    isRunning = true;
    try {
      await catalogue.revisit();
    } catch (error) {
      log.warn(
        { error: error instanceof Error ? error.message : String(error) },
        'sources were not asked again',
      );
    } finally {
      isRunning = false;
    }
  };
  const timer = setInterval(() => void revisit(), everyMs);
  timer.unref();
  return () => clearInterval(timer);
}
