/** What a client shows as its API key: `Authorization: Bearer`, else `x-api-key`; null: nothing. */
export function credentialOf(authorization: string | undefined, apiKey: string | undefined): string | null {
  const bearer = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  return bearer ?? (apiKey || null);
}
