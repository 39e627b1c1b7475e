/**
 * Stryker's test runner: bundles the tests of an area (scripts/mutation.mjs) once per worker and calls its tests in this process. A mutant
 * takes milliseconds; vitest, which loads every file anew for each of them, takes seconds.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/** Few random events, always the same ones: examples are to notice what is broken, and a mutant that survives runs all tests. */
const ENVIRONMENT = { HEARTH_POOL_EVENTS: '300', HEARTH_POOL_SEED: '20261121' };

class PoolTestRunner {
  static inject = [];
  /** Where the code with its mutants reads which one is active, and writes what each test reached. */
  #namespace = (globalThis.__stryker__ ??= {});
  #tests = [];
  #bundle = null;
  #loads = 0;

  /** What is loaded stays: mutants of what runs at load are not counted (ignoreStatic). */
  capabilities() {
    return { reloadEnvironment: false };
  }

  async init() {
    Object.assign(process.env, ENVIRONMENT);
    this.#bundle = pathToFileURL(await bundle(process.cwd()));
    await this.#load();
    const seen = new Set();
    for (const { id } of this.#tests) {
      if (seen.has(id)) throw new Error(`Cannot tell tests apart: two are called "${id}"`);
      seen.add(id);
    }
  }

  /** Loads code and tests anew: what earlier mutants left in what modules keep is gone. */
  async #load() {
    this.#loads += 1;
    const { tests } = await import(`${this.#bundle}?${this.#loads}`);
    this.#tests = tests;
  }

  async dryRun() {
    const results = await this.#run(this.#tests, { bails: false });
    return { status: 'complete', tests: results, mutantCoverage: this.#namespace.mutantCoverage };
  }

  /** A test that fails without the mutant, too, fails for what an earlier one left: then the mutant has another try. */
  async mutantRun(options) {
    const result = await this.#try(options);
    if (result.status !== 'killed' || (await this.#isSound(result))) return result;
    await this.#load();
    const again = await this.#try(options);
    if (again.status === 'killed' && !(await this.#isSound(again))) await this.#load();
    return again;
  }

  async #isSound({ killedBy: [killer] }) {
    const [result] = await this.#run(
      this.#tests.filter(({ id }) => id === killer),
      { bails: true },
    );
    return result.status === SUCCESS;
  }

  async #try({ testFilter, activeMutant, hitLimit }) {
    const wanted = new Set(testFilter);
    const tests = testFilter ? this.#tests.filter(({ id }) => wanted.has(id)) : this.#tests;
    Object.assign(this.#namespace, { activeMutant: activeMutant.id, hitCount: 0, hitLimit });
    const results = await this.#run(tests, { bails: true });
    this.#namespace.activeMutant = undefined;
    if (this.#namespace.hitCount > hitLimit) return { status: 'timeout', reason: 'hit limit reached' };
    const failed = results.find(({ status }) => status === FAILED);
    if (!failed) return { status: 'survived', nrOfTests: results.length };
    const { id, failureMessage } = failed;
    return { status: 'killed', killedBy: [id], failureMessage, nrOfTests: results.length };
  }

  async #run(tests, { bails }) {
    const results = [];
    for (const { id, run } of tests) {
      this.#namespace.currentTestId = id;
      const startedMs = performance.now();
      const failure = await failureOf(run);
      const timeSpentMs = performance.now() - startedMs;
      if (failure === null) results.push({ id, name: id, timeSpentMs, status: SUCCESS });
      else results.push({ id, name: id, timeSpentMs, status: FAILED, failureMessage: failure });
      if (bails && failure !== null) break;
    }
    this.#namespace.currentTestId = undefined;
    return results;
  }
}

const SUCCESS = 0;
const FAILED = 1;

async function failureOf(run) {
  try {
    await run();
    return null;
  } catch (error) {
    return String(error?.message ?? error);
  }
}

/** Resolves to the path of one module of all tests of the area in `root`, the ones with random events last, that exports `tests`. */
async function bundle(root) {
  // As deep as the tests themselves: some find their documents from where they are.
  const folder = path.join(root, 'test/pool');
  const files = (process.env.HEARTH_MUTATION_TESTS ?? 'test/pool').split(',').flatMap((area) =>
    area.endsWith('.ts')
      ? [path.join(root, area)]
      : readdirSync(path.join(root, area))
          .filter((name) => name.endsWith('.test.ts'))
          .map((name) => path.join(root, area, name)),
  );
  const isRandom = (file) => path.basename(file).startsWith('invariants');
  const ordered = [...files.filter((file) => !isRandom(file)), ...files.filter(isRandom)];
  const entry = path.join(folder, `mutation-${process.pid}.ts`);
  const outfile = path.join(folder, `mutation-${process.pid}.mjs`);
  const imports = ordered.map((file) => `import ${JSON.stringify(file)};`);
  writeFileSync(entry, [...imports, "export { tests } from 'vitest';"].join('\n'));
  await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
    alias: { vitest: path.join(root, 'scripts/mutation-tests.mjs') },
    packages: 'external',
    plugins: [FILES],
  });
  return outfile;
}

/** Each test file begins with a word that it does, before what it imports may register hooks. */
const FILES = {
  name: 'files',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^begins:/ }, ({ path: file }) => ({ path: file, namespace: 'begins' }));
    onLoad({ filter: /./, namespace: 'begins' }, () => ({
      contents: "import { beginFile } from 'vitest'; beginFile();",
      resolveDir: process.cwd(),
    }));
    onLoad({ filter: /\.test\.ts$/ }, ({ path: file }) => ({
      contents: `import ${JSON.stringify(`begins:${file}`)};${readFileSync(file, 'utf8')}`,
      loader: 'ts',
    }));
  },
};

export const strykerPlugins = [{ kind: 'TestRunner', name: 'pool', injectableClass: PoolTestRunner }];
