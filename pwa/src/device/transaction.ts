/**
 * One rule for every IndexedDB write: all requests and the commit itself, or an error.
 *
 * Responsible for: waiting for `done` (a commit that fails after every request succeeded fires only `abort`), and for
 * aborting when a request cannot even be made. Refuses to know any store.
 *
 *     const tx = db.transaction("meta", "readwrite");
 *     await commit(tx, (keep) => keep(tx.store.put(value, "name")));
 */

interface Transaction {
  readonly done: Promise<void>;
  abort(): void;
}

/** Hand every request to `keep`. Resolves when the transaction is committed; rejects with the first cause. */
export async function commit(
  tx: Transaction,
  work: (keep: (request: Promise<unknown>) => void) => void,
): Promise<void> {
  const requests: Promise<unknown>[] = [];
  const keep = (request: Promise<unknown>): void => {
    request.catch(() => undefined); // heard below; without this, one failure would report its siblings as unhandled
    requests.push(request);
  };
  try {
    work(keep);
  } catch (error) {
    tx.done.catch(() => undefined);
    try {
      tx.abort();
    } catch {
      // already aborted, which is why the request could not be made
    }
    throw error;
  }
  await Promise.all([...requests, tx.done]);
}
