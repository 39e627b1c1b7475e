import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../gateway/catalogue/configFile.ts';

const HEX = randomBytes(32).toString('hex');
const BASE64 = Buffer.from(HEX, 'hex').toString('base64');

function configOf(text: string) {
  const document = parseConfig(text, '/etc/hearth.yaml');
  if (!document.ok) throw new Error(document.error.message);
  return document.value.config;
}

function refusal(text: string): string {
  const document = parseConfig(text, '/etc/hearth.yaml');
  if (document.ok) throw new Error('was accepted');
  return document.error.message;
}

describe('encryption_keys', () => {
  test('names a file, a variable or a command for each key', () => {
    const { encryption_keys: keys } = configOf(`
encryption_keys:
  main: { file: keys/main.key }
  team-a: { env: TEAM_A_KEY }
  vault: { command: [vault, kv, get, -field=key, secret/hearth], timeout: 30s, pass_env: [VAULT_TOKEN] }
  quick: { command: [print-key] }
`);
    expect(keys).toEqual({
      main: { kind: 'file', path: 'keys/main.key' },
      'team-a': { kind: 'env', variable: 'TEAM_A_KEY' },
      vault: {
        kind: 'command',
        command: ['vault', 'kv', 'get', '-field=key', 'secret/hearth'],
        timeoutMs: 30_000,
        passEnv: ['VAULT_TOKEN'],
      },
      quick: { kind: 'command', command: ['print-key'], timeoutMs: 10_000, passEnv: [] },
    });
  });

  test('is empty unless written, and swap is not allowed', () => {
    expect(configOf('')).toMatchObject({ encryption_keys: {}, weights: { allowSwap: false } });
    expect(configOf('weights: { allow_swap: true }').weights).toMatchObject({ allowSwap: true });
  });

  test.each([
    ['encryption_keys: { main: {} }', 'encryption_keys.main: expected one of file, env, command, got a map'],
    ['encryption_keys: { main: { file: a, env: B } }', 'expected one of file, env, command'],
    ['encryption_keys: { main: { file: a, timeout: 3s } }', 'only beside command'],
    ['encryption_keys: { main: { env: "a b" } }', 'env: expected the name of an environment variable'],
    [
      'encryption_keys: { main: { command: cat } }',
      'expected a list of a program and its arguments, got a string',
    ],
    ['encryption_keys: { main: { command: [] } }', 'expected a program, got a list'],
    ['encryption_keys: { main: { command: ["a\\0b"] } }', 'command[0]: expected a text, got a string'],
    ['encryption_keys: { main: }', 'encryption_keys.main: expected a map, got nothing'],
    ['encryption_keys: { "two words": { env: A } }', 'expected a name of letters'],
    ['encryption_keys: { main: { fil: a } }', 'unknown key, expected one of file, env, command'],
    ['weights: { allow_swap: maybe }', 'weights.allow_swap: expected a boolean, got "maybe"'],
  ])('%s is refused', (text, message) => {
    expect(refusal(text)).toContain(message);
  });

  test.each([HEX, BASE64])('shows nothing of a key that was put into the file by mistake', (key) => {
    for (const text of [
      `encryption_keys: "${key}"`,
      `encryption_keys: ["${key}"]`,
      `encryption_keys: { main: "${key}" }`,
      `encryption_keys: { main: ["${key}"] }`,
      `encryption_keys: { main: { file: "${key}" } }`,
      `encryption_keys: { main: { env: "${key}" } }`,
      `encryption_keys: { main: { key: "${key}" } }`,
      `encryption_keys: { main: { command: "${key}" } }`,
      `encryption_keys: { main: { command: [echo, "${key}"] } }`,
      `encryption_keys: { main: { env: A, timeout: "${key}" } }`,
    ]) {
      expect(refusal(text)).toContain('encryption_keys');
      expect(refusal(text)).not.toContain(key);
    }
  });
});
