import { describe, expect, test } from 'vitest';
import { runSteps } from '../../scripts/steps.mjs';

const node = (name: string, script: string) => ({ name, command: process.execPath, args: ['-e', script] });

describe('runSteps()', () => {
  test('runs every step also when one fails, and tells which did', async () => {
    const lines: string[] = [];
    const failed = await runSteps(
      [
        node('bad', 'console.log("why"); process.exit(2)'),
        { name: 'missing', command: '/nowhere/tool', args: [] },
        node('good', ''),
      ],
      { cwd: process.cwd(), print: (line: string) => void lines.push(line) },
    );
    expect(failed.toSorted()).toEqual(['bad', 'missing']);
    expect(lines.some((line) => /^ok {3}good \(\d+\.\d s\)$/.test(line))).toBe(true);
    expect(lines.some((line) => line.startsWith('FAIL bad '))).toBe(true);
    expect(lines).toContain('     why');
  });
});
