import { describe, expect, test } from 'vitest';
import { exitCause } from '../../gateway/shell/processes/exitCause.ts';

describe('exitCause()', () => {
  test.each([
    [0, null, 0, 'exited with code 0', true],
    [1, null, 0, 'exited with code 1', false],
    [70, null, 0, 'exited with code 70 (an error that nobody caught)', false],
    [76, null, 0, 'exited with code 76 (the control protocol was broken)', false],
    [null, 'SIGABRT', 0, 'was ended by SIGABRT (it aborted)', false],
    [null, 'SIGSEGV', 0, 'was ended by SIGSEGV (it crashed: invalid memory)', false],
    [null, 'SIGBUS', 0, 'was ended by SIGBUS (it crashed: memory without a file behind it)', false],
    [null, 'SIGTERM', 1, 'was ended by SIGTERM', true],
    [null, 'SIGKILL', 0, 'was ended by SIGKILL', true],
    [null, 'SIGKILL', 1, 'was ended by SIGKILL (the kernel ended processes because memory ran out)', false],
    [null, 'SIGKILL', null, 'was ended by SIGKILL', false],
  ] as const)(
    'exitCause() of code %s, signal %s and %s kills for memory',
    (code, signal, kills, how, byOthers) => {
      expect(exitCause(code, signal, kills)).toEqual({ how, byOthers });
    },
  );
});
