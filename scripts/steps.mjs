/** Named steps of a check: a few at a time, all of them also when one fails, each with its time and result. */
import { runCommand } from './command.mjs';

/**
 * Runs `[{ name, command, args }]` and prints a line for each as it ends, with its output when it failed. Returns the
 * names of those that failed.
 */
export async function runSteps(steps, { cwd, atOnce = 2, print = console.log }) {
  const failed = [];
  const waiting = [...steps];
  const work = async () => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      const startedAt = performance.now();
      const { code, output } = await runStep(step, cwd);
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      print(`${code === 0 ? 'ok  ' : 'FAIL'} ${step.name} (${seconds} s)`);
      if (code === 0) continue;
      failed.push(step.name);
      print(output.trimEnd().replace(/^/gm, '     '));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return failed;
}

async function runStep({ command, args }, cwd) {
  try {
    return await runCommand(command, args, { cwd });
  } catch (error) {
    return { code: 1, output: error.message };
  }
}
