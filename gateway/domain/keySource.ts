/** Where the master key of a name comes from: `encryption_keys` of the configuration. Never the key itself. */
export type KeySource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'env'; readonly variable: string }
  | {
      readonly kind: 'command';
      /** Run without a shell: a program and its arguments. */
      readonly command: readonly [string, ...string[]];
      readonly timeoutMs: number;
      /** Environment variables that it gets beside PATH, HOME and LANG. */
      readonly passEnv: readonly string[];
    };

export type KeySources = Readonly<Record<string, KeySource>>;
