/**
 * Clearing a suspended phone (SPEC EX12): first what it was given to read, later keys, own sets and session too.
 *
 * Responsible for deleting, and for nothing being shown that was deleted. Refuses to know when: `rounds.ts` does what the
 * centre said.
 *
 *     await clearing({ cache, vault, replica, after }).everything(null);   // a browser like any
 */
import type { Cache } from "./cache";
import type { Replica } from "./replica";
import type { Vault } from "./vault";

export interface Clearing {
  /** What came from the centre. What this phone wrote itself stays. */
  given(): Promise<void>;
  /** All of it; with `head`, not when more sets were written here by now (the vault's count). */
  everything(head: number | null): Promise<void>;
}

interface Parts {
  cache: Cache;
  vault: Vault;
  replica: Replica;
  /** Everything is gone: let no page go on. */
  after: () => void;
}

export function clearing({ cache, vault, replica, after }: Parts): Clearing {
  return {
    async given() {
      await cache.forgetAll();
      await replica.forgotten();
    },
    async everything(head) {
      if (!(await vault.erase(head))) return; // what was written meanwhile goes first
      await cache.forgetAll();
      after();
    },
  };
}
