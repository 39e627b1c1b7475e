import type { ComboKey, RunnerId } from '../domain/ids.ts';
import type { PoolEvent } from '../pool/events.ts';
import { type Answer, type OrderBody, OrderFailed } from './processes/controlChannel.ts';

/** What is to have how many sequences. */
interface Wanted {
  readonly runnerId: RunnerId;
  readonly comboKey: ComboKey;
  readonly sequences: number;
}

/**
 * Has a runner give a combo another size, and tells what becomes of it: that it has it, and then that nothing of the size
 * before is left, which takes as long as the requests that use it. A runner that ends tells neither.
 */
export function resizeCombo(
  { runnerId, comboKey, sequences }: Wanted,
  order: (body: OrderBody) => Promise<Answer>,
  dispatch: (event: PoolEvent) => void,
): void {
  const combo = { runnerId, comboKey };
  order({ type: 'resize', combo: comboKey, sequences }).then(
    (answer) => {
      if (answer.type !== 'resized') return;
      const { kvBytes, computeBytes } = answer;
      dispatch({ type: 'comboResized', ...combo, sequences: answer.sequences, kvBytes, computeBytes });
      order({ type: 'retire', combo: comboKey }).then(
        () => dispatch({ type: 'contextsRetired', ...combo, sequences: answer.sequences }),
        () => {},
      );
    },
    (error: Error) => {
      if (!(error instanceof OrderFailed)) return;
      const message = `Cannot resize combo: ${error.message}`;
      dispatch({ type: 'comboResizeFailed', ...combo, failure: { code: 'runner_failed', message } });
    },
  );
}
