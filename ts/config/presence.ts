/** Whether anybody is logged in, without asking anybody but the environment and the disk (INS-5). */
import { readdirSync } from "node:fs";
import { DEFAULT_ACCOUNT_ID } from "./account-id.ts";
import { envAccountIds, type Environment, globalEnvName, hostStateDir, processEnvironment, readEnv, scopedEnvName } from "./env.ts";
import { accountsRoot, hasStoredSession } from "./state.ts";

/** A token or password in the environment, or a session that a login has left behind. */
export function hasAnyMatrixAuth(params?: { env?: Environment }): boolean {
  const env = params?.env ?? processEnvironment();
  return environmentLogsIn(env) || sessionStored(hostStateDir(env));
}

function environmentLogsIn(env: Environment): boolean {
  return envAccountIds(env).some((id) => {
    const set = (field: "homeserver" | "accessToken" | "userId" | "password") =>
      readEnv(env, scopedEnvName(id, field)) !== undefined ||
      (id === DEFAULT_ACCOUNT_ID && readEnv(env, globalEnvName(field)) !== undefined);
    return set("homeserver") && (set("accessToken") || (set("userId") && set("password")));
  });
}

function sessionStored(stateRoot: string): boolean {
  let accounts: string[];
  try {
    accounts = readdirSync(accountsRoot(stateRoot));
  } catch {
    // Never started, or not ours to read: nobody is logged in as far as we can tell.
    return false;
  }
  return accounts.some((id) => hasStoredSession(stateRoot, id));
}
