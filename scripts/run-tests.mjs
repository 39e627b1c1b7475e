/** Runs vitest in a child and prints what came of it. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from './command.mjs';
import { closingLine, summarise } from './test-summary.mjs';

/** Returns the exit code: 0 only when something passed and nothing failed. */
export async function runTests({ root, args }) {
  const directory = mkdtempSync(join(tmpdir(), 'hearth-test-'));
  const report = join(directory, 'report.json');
  try {
    const { code } = await runCommand(process.execPath, vitestArguments(root, args), {
      cwd: root,
      env: { ...process.env, HEARTH_TEST_REPORT: report },
      inherit: true,
    });
    const run = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : null;
    const summary = summarise(run, code, { filtered: args.some(isNameFilter) });
    printFailures(summary);
    console.log(closingLine(summary));
    return summary.failed === 0 ? 0 : 1;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function vitestArguments(root, args) {
  return [
    join(root, 'node_modules', 'vitest', 'vitest.mjs'),
    'run',
    '--reporter=default',
    `--reporter=${join(root, 'scripts', 'test-reporter.mjs')}`,
    ...args,
  ];
}

function isNameFilter(argument) {
  return /^(-t|--testNamePattern)(=|$)/.test(argument);
}

function printFailures({ unexcused, errors }) {
  for (const { file, name } of unexcused) {
    console.log(`counted as failed: skipped without naming missing hardware: ${file} > ${name}`);
  }
  for (const error of errors) console.log(`counted as failed: ${error.split('\n', 1)[0]}`);
}
