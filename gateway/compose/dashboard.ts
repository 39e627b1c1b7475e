import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { AssetFiles } from '../http/dashboard/assets.ts';

const OWN = ['dashboard.js', 'chart.js', 'style.css', 'icon.svg'];

/** What the dashboard's pages load: our own files as they are in the package, and uPlot's of node_modules. */
export function dashboardAssets(packageRoot: string): AssetFiles {
  const folder = join(packageRoot, 'gateway', 'http', 'dashboard', 'assets');
  const uplot = dirname(createRequire(import.meta.url).resolve('uplot'));
  return {
    ...Object.fromEntries(OWN.map((name) => [name, join(folder, name)])),
    'uplot.js': join(uplot, 'uPlot.esm.js'),
    'uplot.css': join(uplot, 'uPlot.min.css'),
  };
}
