/** The loader addon: opens a shared library with RTLD_NOW | RTLD_GLOBAL and keeps it. Throws with dlerror()'s text. */
export interface PreloadAddon {
  open(path: string): void;
  /** Opens a file and takes a shared flock on it; the descriptor, -1 when it has gone or somebody has it for himself. */
  lockShared(path: string): number;
  /**
   * Keeps all threads of this process to these cores, as far as it may use them now. How many that are; 0: none of them, and
   * nothing has changed. Throws when the system refuses.
   */
  runOnCores(cores: readonly number[]): number;
}
