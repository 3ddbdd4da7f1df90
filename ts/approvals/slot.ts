/**
 * What the parts of approvals share in this process. The host evaluates our modules
 * several times and calls them from its own handler, so it hangs on `globalThis`.
 */
import type { FindAccount } from "../outbound/adapter.ts";
import type { PromptBook } from "./prompts.ts";
import type * as routing from "./routes.ts";

/** The approvals of one running account. */
export interface AccountApprovals {
  book: PromptBook;
  report: (what: string, error: unknown) => void;
}

type Routes = typeof routing;

interface Shared {
  find: FindAccount;
  /** Loaded with the first account. */
  routes?: Routes;
  accounts: Map<string, AccountApprovals>;
}

const KEY = Symbol.for("openclaw-matrix-rs.approvals.1");
const holder = globalThis as { [KEY]?: Shared };

export function shared(): Shared {
  holder[KEY] ??= { find: () => { throw new Error("the Matrix channel was not assembled"); }, accounts: new Map() };
  return holder[KEY];
}

/** Undefined before any account runs. */
export const routes = (): Routes | undefined => holder[KEY]?.routes;

export async function loadRoutes(): Promise<Routes> {
  const slot = shared();
  slot.routes ??= await import("./routes.ts");
  return slot.routes;
}

export function approvalsOf(accountId: string | null | undefined): AccountApprovals | undefined {
  return accountId ? holder[KEY]?.accounts.get(accountId) : undefined;
}
