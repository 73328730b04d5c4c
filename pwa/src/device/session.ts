/**
 * Whether this browser is an enrolled device: it is when the vault's database is here.
 */
export async function enrolled(): Promise<boolean> {
  const found = await indexedDB.databases();
  return found.some(({ name }) => name === "ortoo-vault");
}
