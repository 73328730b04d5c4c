/** Where the vault lies and under which name it keeps who we are: all that the service worker knows of it. */
export const VAULT_NAME = "ortoo-vault";
/** What of the session the vault itself looks at: nothing is appended to a chain that was left. */
export const SESSION = "session";
