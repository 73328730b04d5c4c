/**
 * The emergency exit: what the centre has not confirmed, as one file that any node of Ortoo can take in.
 *
 * Responsible for: the file, a plain sequence of MessagePack envelopes exactly as signed (each verifies alone, so a
 * truncated file still holds what came before), and for offering it. Refuses to know the network: it works when
 * sync is refused, and while a chain is suspended. The records stay in the vault.
 *
 *     const file = await unsentFile(vault, unkept);    // File "ortoo-unsent-1a2b3c4d-7.msgpack", 7 sets
 *     offer(file);
 */
import type { OwnSet, Vault } from "./vault";

/** Every unsent set of this device, in chain and seq order, and those only memory holds. */
export async function unsentSets(vault: Vault, unkept: readonly OwnSet[]): Promise<OwnSet[]> {
  const sets: OwnSet[] = [];
  for (const mark of await vault.unsent()) {
    const set = await vault.own(mark.chain, mark.seq);
    if (set) sets.push(set);
  }
  return [...sets, ...unkept];
}

export async function unsentFile(vault: Vault, unkept: readonly OwnSet[]): Promise<File> {
  const sets = await unsentSets(vault, unkept);
  const chain = sets[0]?.chain.slice(0, 8) ?? "none";
  const parts = sets.map((set) => set.raw as Uint8Array<ArrayBuffer>);
  return new File(parts, `ortoo-unsent-${chain}-${sets.length}.msgpack`, { type: "application/msgpack" });
}

/** Hand the file to the browser's downloads. */
export function offer(file: File): void {
  const url = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = url;
  link.download = file.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
