import { describe, expect, test } from 'vitest';
import { launch, nodeProblem } from '../../scripts/launch.mjs';

describe('nodeProblem()', () => {
  test.each(['20.19.0', '20.20.2', '22.12.0', '22.20.1', '23.0.0', '24.4.1'])('takes Node %s', (version) => {
    expect(nodeProblem(version)).toBeNull();
  });

  test.each(['18.20.8', '20.18.3', '21.7.3', '22.11.0', '8.17.0'])('refuses Node %s', (version) => {
    expect(nodeProblem(version)).toContain(`Node ${version}`);
  });
});

describe('launch()', () => {
  const recorded = () => {
    const printed: unknown[] = [];
    const codes: number[] = [];
    return {
      printed,
      codes,
      io: {
        version: '20.19.0',
        print: (line: unknown) => void printed.push(line),
        exit: (code: number) => void codes.push(code),
      },
    };
  };

  test('tells a Node that is too old in one sentence and runs nothing', async () => {
    const { printed, codes, io } = recorded();
    let ran = false;
    await launch(() => void (ran = true), { ...io, version: '18.20.8' });
    expect(ran).toBe(false);
    expect(codes).toEqual([1]);
    expect(printed).toEqual([
      'hearth: Cannot run Hearth on Node 18.20.8: expected 20.19 or newer (of 22: 22.12 or newer)',
    ]);
  });

  test('prints an expected error without its stack', async () => {
    const { printed, codes, io } = recorded();
    await launch(() => {
      throw Object.assign(new Error('Cannot build'), { expected: true });
    }, io);
    expect(printed).toEqual(['hearth: Cannot build']);
    expect(codes).toEqual([1]);
  });

  test('exits with the code that an expected error brings', async () => {
    const { codes, io } = recorded();
    await launch(() => {
      throw Object.assign(new Error('Cannot decrypt'), { expected: true, exitCode: 2 });
    }, io);
    expect(codes).toEqual([2]);
  });

  test('exits with the number that the script returns', async () => {
    const { codes, io } = recorded();
    await launch(() => 3, io);
    expect(codes).toEqual([3]);
  });

  test('leaves the process alone when the script returns nothing', async () => {
    const { codes, io } = recorded();
    await launch(() => undefined, io);
    expect(codes).toEqual([]);
  });
});
