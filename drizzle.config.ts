import { defineConfig } from 'drizzle-kit';

/** `npx drizzle-kit generate --name <what>` writes the next migration; one that has landed is never edited. */
export default defineConfig({
  dialect: 'sqlite',
  schema: ['./db/schema.ts', './db/rollupSchema.ts'],
  out: './migrations',
});
