/** The JavaScript that runs: the bundles in dist/, made again when a source changed. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { clearStamp, filesBelow, hashFiles, stampSays, writeStamp } from './stamp.mjs';

const OUTPUTS = [
  'gateway.mjs',
  'peftConverter.mjs',
  'runner.mjs',
  'stager.mjs',
  'fetcher.mjs',
  'dbWriter.mjs',
  'dbReader.mjs',
  'weights.mjs',
];
const SOURCES = ['gateway', 'runner', 'stager', 'fetcher', 'native', 'sources', 'db', 'cli', 'scripts'];

/** Idempotent: compares one hash when nothing changed. */
export async function ensureBundles({ root, log }) {
  const stampFile = join(root, 'dist', '.stamp');
  const stamp = sourceStamp(root);
  if (stampSays(stampFile, stamp) && OUTPUTS.every((name) => existsSync(join(root, 'dist', name)))) return;
  clearStamp(stampFile);
  log('bundling…');
  const { bundleGateway } = await import('./bundle-gateway.mjs');
  const { bundle } = await import('./bundle.mjs');
  const { bundleDb } = await import('./bundle-db.mjs');
  const { bundleWeights } = await import('./bundle-weights.mjs');
  try {
    const bundles = [bundleGateway, bundle, bundleDb, bundleWeights];
    await Promise.all(bundles.map((make) => make({ root })));
  } finally {
    // Its service is a child process, and the gateway runs on in this one.
    const { stop } = await import('esbuild');
    await stop();
  }
  writeStamp(stampFile, stamp);
}

function sourceStamp(root) {
  const files = SOURCES.flatMap((directory) => filesBelow(join(root, directory), /\.(ts|tsx|mjs)$/));
  return hashFiles(root, [...files, join(root, 'package-lock.json'), join(root, 'tsconfig.json')]);
}
