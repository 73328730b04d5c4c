/**
 * Who this device is: the person it was enrolled for, its chain and its token.
 *
 * Responsible for the one record in the vault that says so, and for `enrolled()`, which the start page asks without loading
 * anything else. Refuses to know how a device is enrolled (`enrol.ts`). Forgetting the session keeps every record.
 *
 *     const session = await keptSession(vault);
 *     session?.person.name;      // 苏和
 */
import { openVault, SESSION, VAULT_NAME, type Vault } from "./vault";

export interface DeviceSession {
  token: string;
  /** Hex. */
  chain: string;
  label: string;
  person: { id: string; name: string; role: string; station: string | null; unit: string | null };
  server: { id: string; name: string; role: string };
  enrolledAtMs: number;
  /** The chain whose place this one asks for; `token` is then still that one's (SPEC FK5). */
  insteadOf?: string;
  /** Another installation was given that place: only a one-time code lets this one on. */
  needsCode?: boolean;
}

export function keptSession(vault: Vault): Promise<DeviceSession | null> {
  return vault.meta<DeviceSession>(SESSION);
}

/** What `vault.enrol` writes beside the key. */
export const sessionMeta = (session: DeviceSession): Record<string, unknown> => ({ [SESSION]: session });

/** The device acts for nobody from now on; its records and keys stay, and are sent after the next enrolment. */
export function forgetSession(vault: Vault): Promise<void> {
  return vault.setMeta(SESSION, null);
}

/** Whether this browser is an enrolled device. Creates nothing in a browser that is not. */
export async function enrolled(): Promise<boolean> {
  if (typeof indexedDB === "undefined") return false;
  if (indexedDB.databases && !(await indexedDB.databases()).some(({ name }) => name === VAULT_NAME)) return false;
  const vault = openVault();
  try {
    return (await keptSession(vault)) !== null;
  } finally {
    vault.close();
  }
}
