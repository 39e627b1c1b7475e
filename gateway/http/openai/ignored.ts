const MAX_NAMES = 32;
const MAX_NAME_LENGTH = 64;

/** Collects the names of fields that are accepted without effect, bounded and safe to stand in a header. */
export class IgnoredFields {
  readonly #names = new Set<string>();

  add(name: string): void {
    if (this.#names.size >= MAX_NAMES) return;
    this.#names.add(name.replaceAll(/[^\w.~-]/g, '_').slice(0, MAX_NAME_LENGTH) || '_');
  }

  /** Adds the fields of `raw` that are not known, null (which means absent) and an empty list left out. */
  addUnknown(raw: object, known: ReadonlySet<string>, prefix = ''): void {
    for (const [name, value] of Object.entries(raw)) {
      if (known.has(name) || value === null || (Array.isArray(value) && value.length === 0)) continue;
      this.add(prefix + name);
    }
  }

  names(): readonly string[] {
    return [...this.#names];
  }
}
