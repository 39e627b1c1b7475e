import * as z from 'zod';
import type { KeySource } from '../domain/keySource.ts';
import { duration, size } from './entrySchemas.ts';

/** Fits into a container's header (docs/encrypted-weights.md). */
const KEY_NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
/** 64 hexadecimal digits, or base64 of 32 bytes. */
const KEY_PATTERN = /^([0-9a-f]{64}|[a-z0-9+/_-]{43}=)$/i;
const ONE_SOURCE = 'expected one of file, env, command';
const FOR_COMMANDS = 'expected timeout and pass_env only beside command';

/** A text that is not the key, put there by mistake: it would be shown where paths and names are. */
const noKey = (text: z.ZodString) =>
  text.refine((written) => !KEY_PATTERN.test(written), {
    error: 'expected where the key is, not the key itself: replace it, it is no secret any more',
  });

const words = noKey(z.string().regex(/^[^\0]+$/, { error: 'expected a text' }));
const variable = noKey(
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: 'expected the name of an environment variable' }),
);

interface WrittenSource {
  readonly file?: string | undefined;
  readonly env?: string | undefined;
  readonly command?: readonly string[] | undefined;
  readonly timeout?: number | undefined;
  readonly pass_env?: readonly string[] | undefined;
}

const keySourceSchema = z
  .strictObject({
    file: words
      .optional()
      .describe('File with the key: 32 bytes, 64 hexadecimal digits or base64; only its owner may read it'),
    env: variable.optional().describe('Environment variable of the gateway with the key'),
    command: z
      .array(words, { error: 'expected a list of a program and its arguments' })
      .min(1, { error: 'expected a program' })
      .optional()
      .describe('Program, with its arguments, that prints the key; run without a shell'),
    timeout: duration.optional().describe('How long the command may take; 10s unless given'),
    pass_env: z
      .array(variable)
      .optional()
      .describe('Environment variables that the command gets beside PATH, HOME and LANG'),
  })
  .refine(({ file, env, command }) => [file, env, command].filter((one) => one !== undefined).length === 1, {
    error: ONE_SOURCE,
  })
  .refine(
    ({ command, timeout, pass_env }) =>
      command !== undefined || (timeout === undefined && pass_env === undefined),
    { error: FOR_COMMANDS },
  )
  .transform(({ file, env, command, timeout = 10_000, pass_env: passEnv = [] }: WrittenSource): KeySource => {
    if (file !== undefined) return { kind: 'file', path: file };
    if (env !== undefined) return { kind: 'env', variable: env };
    const [program = '', ...rest] = command ?? [];
    return { kind: 'command', command: [program, ...rest], timeoutMs: timeout, passEnv };
  });

export const encryptionKeysSchema = z
  .record(
    z.string().regex(KEY_NAME_PATTERN, {
      error: 'expected a name of letters, digits and ._- that starts with a letter or digit (at most 128)',
    }),
    keySourceSchema,
  )
  .default({})
  .describe('Where the keys of encrypted weights come from, by the name that a container says');

export const weightsSchema = z
  .strictObject({
    allow_swap: z
      .boolean()
      .default(false)
      .describe('Stage encrypted weights also where the system may write them to its swap, in plain'),
    store: z
      .boolean()
      .default(true)
      .describe('Stage weights in host shared memory; false: read each source anew'),
    path: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe(
        'Folder of the weight store, best a tmpfs; HEARTH_STORE_DIR wins over it; null: /dev/shm/hearth-<uid>',
      ),
    mount: z
      .boolean()
      .nullable()
      .default(null)
      .describe(
        'Mount a tmpfs of huge pages on the folder, which takes root: true: or there is no store; false: never; null: if it can be done and `path` is an empty folder',
      ),
    collapse: z
      .boolean()
      .default(true)
      .describe(
        'Put what was staged into huge pages in the background where no tmpfs of huge pages is mounted: up to two seconds of a core per GiB, once, for readers that are a third faster',
      ),
    numa: z
      .boolean()
      .default(true)
      .describe(
        'On machines of several NUMA nodes: stage weights in the memory of the node of the device that they are for, and keep its runners to the cores of that node',
      ),
    memory: size
      .nullable()
      .default(null)
      .describe('What bases may take of it, within pool.memory; null: half of the machine’s or cgroup’s'),
    adapters: size.prefault('1GiB').describe('The same for adapters'),
    disk: z
      .strictObject({
        path: z.string().min(1),
        memory: size.describe('What bases may take there'),
        adapters: size.prefault('4GiB'),
      })
      .nullable()
      .default(null)
      .describe('A folder on a local disk that keeps what was brought from slow storage; null: none'),
    prefetch_bandwidth: size
      .nullable()
      .default(null)
      .describe('Bytes per second for what nobody waits for; null: no limit'),
  })
  .transform((written) => ({
    allowSwap: written.allow_swap,
    store: written.store,
    path: written.path,
    mount: written.mount,
    collapse: written.collapse,
    numa: written.numa,
    basesBytes: written.memory,
    adaptersBytes: written.adapters,
    disk: written.disk,
    prefetchBytesPerSecond: written.prefetch_bandwidth,
  }));
