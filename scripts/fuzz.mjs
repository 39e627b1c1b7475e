/**
 * `npm run fuzz [-- target... --seconds 60]`: libFuzzer, by Jazzer.js, on the parsers of what others wrote
 * (test/fuzz/*.ts), so many seconds each. What hurts is left in .cache/fuzz/<target>/ and belongs into
 * test/fixtures/fuzz/<target>/, where every `npm test` tries it. What was learnt is kept for the next run.
 */
import { launch } from './launch.mjs';

/** No input of a parser takes so long (seconds) or so much memory (MiB). */
const LIMITS = ['-timeout=10', '-rss_limit_mb=2048', '-max_len=65536'];

void launch(async () => {
  const { readdirSync } = await import('node:fs');
  const { join } = await import('node:path');
  const { bootstrapPackages, ROOT } = await import('./bootstrap.mjs');
  const { ensureJazzer } = await import('./jazzer.mjs');
  await bootstrapPackages();
  const { names, seconds } = argumentsOf(process.argv.slice(2));
  const all = readdirSync(join(ROOT, 'test/fuzz'))
    .filter((file) => !/^target\.ts$|\.test\.ts$/.test(file))
    .map((file) => file.replace('.ts', ''));
  if (names.some((name) => !all.includes(name)) || !(seconds > 0)) {
    console.log(
      `expected some of ${all.join(', ')} and --seconds N, got "${process.argv.slice(2).join(' ')}"`,
    );
    return 1;
  }
  const fuzzer = ensureJazzer({ root: ROOT });
  const hurt = [];
  for (const name of names.length > 0 ? names : all) {
    console.log(`\n# ${name}, ${seconds} s`);
    const { code, output } = await fuzz({ root: ROOT, name, seconds, ...fuzzer });
    console.log(summaryOf(output));
    if (code !== 0) hurt.push(name);
  }
  if (hurt.length === 0) return 0;
  console.log(`hurt: ${hurt.join(', ')}; the inputs and logs are in .cache/fuzz/`);
  return 1;
});

function argumentsOf(words) {
  const at = words.indexOf('--seconds');
  const names = at < 0 ? words : words.filter((_, index) => index !== at && index !== at + 1);
  return { names, seconds: at < 0 ? 60 : Number(words[at + 1]) };
}

/** Runs one target to the end of its time or to the first input that hurts. */
async function fuzz({ root, name, seconds, jazzer, env }) {
  const { cpSync, existsSync, mkdirSync, writeFileSync } = await import('node:fs');
  const { createRequire } = await import('node:module');
  const { join } = await import('node:path');
  const { runCommand } = await import('./command.mjs');
  const directory = join(root, '.cache/fuzz', name);
  const corpus = join(directory, 'corpus');
  const bundle = join(directory, 'target.cjs');
  mkdirSync(corpus, { recursive: true });
  await bundleTarget(join(root, 'test/fuzz', `${name}.ts`), bundle);
  const target = createRequire(import.meta.url)(bundle);
  for (const [index, seed] of target.seeds().entries()) writeFileSync(join(corpus, `seed-${index}`), seed);
  writeFileSync(join(directory, 'words'), target.words.map((word) => `"${escaped(word)}"\n`).join(''));
  const fixtures = join(root, 'test/fixtures/fuzz', name);
  if (existsSync(fixtures)) cpSync(fixtures, corpus, { recursive: true });
  const options = [`-max_total_time=${seconds}`, '-print_final_stats=1', '-dict=words', ...LIMITS];
  return runCommand(
    process.execPath,
    [jazzer, bundle, corpus, '-i', 'target.cjs', '--', ...options, `-artifact_prefix=${directory}/`],
    { cwd: directory, env: { ...process.env, ...env }, logFile: join(directory, 'log') },
  );
}

/** As libFuzzer's dictionaries want it. */
function escaped(word) {
  return word.replaceAll(
    /[^ !#-[\]-~]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

/** One CommonJS file, which Jazzer.js instruments; packages stay outside and as they are. */
async function bundleTarget(entry, outfile) {
  const { build, stop } = await import('esbuild');
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    logLevel: 'warning',
  });
  // Its service is a child process.
  await stop();
}

/** The last line of coverage, what hurt, and libFuzzer's own figures. */
function summaryOf(output) {
  const lines = output.split('\n');
  const coverage = lines.filter((line) => /^#\d+.*\bcov: /.test(line)).at(-1);
  const told = lines.filter((line) => /Uncaught Exception|ERROR: libFuzzer|Test unit written/.test(line));
  const figures = lines.filter((line) =>
    /^stat::(number_of_executed_units|average_exec_per_sec|peak_rss_mb)/.test(line),
  );
  return [coverage ?? lines.slice(-20).join('\n'), ...told, ...figures].join('\n');
}
