/**
 * What a browser has kept, to look for words in it. Runs in the page; refuses to know what is looked for.
 *
 *     expect(await phone.page.evaluate(kept)).not.toContain("…");
 */

/** Every text and every byte string in every database and page cache of this browser, as one text. */
export async function kept(): Promise<string> {
  const shown = (value: unknown): unknown => {
    if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
      const bytes =
        value instanceof ArrayBuffer
          ? new Uint8Array(value)
          : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
      return new TextDecoder().decode(bytes);
    }
    if (Array.isArray(value)) return value.map(shown);
    if (value instanceof CryptoKey) return "a key";
    if (value && typeof value === "object") return Object.entries(value).map(([name, part]) => [name, shown(part)]);
    return value;
  };
  const whole: unknown[] = [];
  for (const { name } of await indexedDB.databases()) {
    const db = await new Promise<IDBDatabase>((resolve, reject) => {
      const opening = indexedDB.open(name as string);
      opening.onsuccess = () => resolve(opening.result);
      opening.onerror = () => reject(opening.error);
    });
    for (const store of db.objectStoreNames) {
      const asked = db.transaction(store).objectStore(store).getAll();
      whole.push(
        await new Promise((resolve) => {
          asked.onsuccess = () => resolve(shown(asked.result));
        }),
      );
    }
    db.close();
  }
  for (const name of await caches.keys())
    for (const request of await (await caches.open(name)).keys())
      if (!new URL(request.url).pathname.startsWith("/assets/"))
        whole.push(await (await caches.match(request))?.text());
  return JSON.stringify([whole, { ...localStorage }, document.cookie]);
}
