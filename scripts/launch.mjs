/**
 * The way into every script: refuses a Node that is too old, then imports the rest, and tells a failure in one sentence.
 * Parsed by old versions of Node too, so: no top-level await here or in its callers, and nothing but globals.
 */

/** What is wrong with this version of Node, or null. The ranges are those of `engines` in package.json. */
export function nodeProblem(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19)) return null;
  return `Cannot run Hearth on Node ${version}: expected 20.19 or newer (of 22: 22.12 or newer)`;
}

/**
 * Runs `script` and exits with the number that it returns, if any. An error with `expected` set is printed as its
 * message alone, and its `exitCode` is kept; any other is a bug of ours and keeps its stack.
 *
 * @param {() => unknown} script
 * @param {{ version?: string, exit?: (code: number) => void, print?: (line: unknown) => void }} io
 */
export function launch(script, io = {}) {
  const { version = process.versions.node } = io;
  const { exit = (code) => process.exit(code), print = (line) => console.error(line) } = io;

  const problem = nodeProblem(version);
  if (problem !== null) {
    print(`hearth: ${problem}`);
    return exit(1);
  }
  return Promise.resolve()
    .then(script)
    .then(
      (code) => {
        if (typeof code === 'number') exit(code);
      },
      (error) => {
        print(error.expected ? `hearth: ${error.message}` : error);
        exit(error.exitCode || 1);
      },
    );
}
