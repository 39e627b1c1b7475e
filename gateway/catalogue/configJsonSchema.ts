import * as z from 'zod';
import { configSchema } from './configSchema.ts';

/** The configuration file's JSON schema for editors (docs/config.schema.json), as text. */
export function configJsonSchema(): string {
  const schema = z.toJSONSchema(configSchema, { io: 'input', target: 'draft-7' });
  return `${JSON.stringify({ title: 'Hearth configuration', ...schema }, null, 2)}\n`;
}
