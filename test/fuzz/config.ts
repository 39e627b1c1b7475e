import { parseConfig } from '../../gateway/catalogue/configFile.ts';

export const words = [
  ...[
    'models:',
    'adapters:',
    'aliases:',
    'combos:',
    'defaults:',
    'pool:',
    'limits:',
    'server:',
    'log:',
    'path: ',
  ],
  ...['&a ', '*a', '<<: ', '!!map ', '!!binary ', '---\n', '? ', '- ', '|\n', '5m', '8GiB', '.inf', '.nan'],
];

export function seeds(): Buffer[] {
  return [
    `models:\n  - { id: m, path: m.gguf, context: 512 }\nadapters:\n  - { id: a, base: m, path: a, scale: 0.5 }\n`,
    `defaults: &d { idle_ttl: 5m }\npool: { memory: 8GiB, standbys: 0, preload: [m] }\naliases: { x: "m+a@0.5" }\n`,
    `models: []\ncombos:\n  m+a: { min_runners: 1 }\nlog: { level: info }\n`,
  ].map((text) => Buffer.from(text));
}

/** A failure names the file and is of a length that can be shown. */
export function fuzz(bytes: Buffer): void {
  const parsed = parseConfig(bytes.toString('utf8'), '/etc/hearth.yaml');
  if (parsed.ok) return;
  const { code, message } = parsed.error;
  if (code !== 'invalid_request' || !message.startsWith('Cannot use configuration "/etc/hearth.yaml": ')) {
    throw new TypeError(`${code}: ${message}`);
  }
  if (message.length > 100_000) throw new TypeError(`a message of ${message.length} characters`);
}
