export function bundleDb(options: { root: string }): Promise<void>;
