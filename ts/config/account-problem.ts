/** Why an account cannot start, in one sentence that names the key. */
import { type EnvField, globalEnvName, scopedEnvName } from "./env.ts";
import { DEFAULT_ACCOUNT_ID } from "./account-id.ts";
import type { MatrixAccountConfig } from "./schema.ts";
import { secretState, unresolvedSecret } from "./secrets.ts";

/** What the check looks at. */
export interface AccountFacts {
  accountId: string;
  /** Where the account's keys stand in the configuration. */
  path: string;
  /** There is an entry, a variable, or it is the default account. */
  exists: boolean;
  /** Ids of all accounts, for the sentence about an unknown one. */
  known: () => readonly string[];
  /** A key's value by the order of precedence. */
  read: (field: EnvField) => unknown;
  config: MatrixAccountConfig;
  hasSession: () => boolean;
}

/** The first thing that keeps the account from starting; undefined when nothing does. */
export function accountProblem(facts: AccountFacts): string | undefined {
  if (!facts.exists) return unknownAccount(facts);
  return homeserverProblem(facts) ?? userIdProblem(facts) ?? secretProblem(facts) ?? loginProblem(facts);
}

function unknownAccount({ accountId, known }: AccountFacts): string {
  const ids = known();
  const others = ids.length > 0 ? `; the accounts are ${ids.join(", ")}` : "";
  return (
    `there is no Matrix account "${accountId}": add channels.matrix.accounts.${accountId} ` +
    `or set ${scopedEnvName(accountId, "homeserver")} and ${scopedEnvName(accountId, "accessToken")}${others}`
  );
}

/** The variable that fills the same place, in the spelling this account reads. */
function variable({ accountId }: AccountFacts, field: EnvField): string {
  return accountId === DEFAULT_ACCOUNT_ID ? globalEnvName(field) : scopedEnvName(accountId, field);
}

function homeserverProblem(facts: AccountFacts): string | undefined {
  const key = `${facts.path}.homeserver`;
  const value = facts.read("homeserver");
  if (typeof value !== "string") {
    return `${key} is not set: give the homeserver's URL, for example https://matrix.example.org, or set ${variable(facts, "homeserver")}`;
  }
  const reason = homeserverUrlProblem(value);
  return reason && `${key} ${reason}`;
}

/** A server name as user ids end in it; the server says itself where its homeserver is (AUT-10). */
const SERVER_NAME = /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;

/**
 * What is wrong with a homeserver URL by its form alone (WIZ-3); whether its
 * address may be reached is the network guard's business. The URL itself is not
 * repeated: it may carry credentials.
 */
export function homeserverUrlProblem(value: string): string | undefined {
  const form = "is not a homeserver URL: write it like https://matrix.example.org, or the server name alone, like example.org";
  if (SERVER_NAME.test(value)) return undefined;
  if (!URL.canParse(value)) return form;
  const url = new URL(value);
  if (url.protocol !== "https:" && url.protocol !== "http:") return form;
  if (url.username || url.password) return "must not carry a user name or password: use accessToken, or userId and password";
  if (url.search || url.hash) return "must not have a query or a fragment: write the URL up to the path only";
  return undefined;
}

function userIdProblem(facts: AccountFacts): string | undefined {
  const value = facts.read("userId");
  if (typeof value !== "string" || /^@[^:\s]+:\S+$/.test(value)) return undefined;
  return `${facts.path}.userId is not a Matrix user id: write it in full, like @bot:example.org`;
}

function secretProblem(facts: AccountFacts): string | undefined {
  const token = secretState(facts.read("accessToken"));
  if (token.state === "unresolved") return unresolvedSecret(`${facts.path}.accessToken`, token.label);
  const password = secretState(facts.read("password"));
  if (token.state === "missing" && password.state === "unresolved") {
    return unresolvedSecret(`${facts.path}.password`, password.label);
  }
  // Without it the store would be opened with another key, or made anew without one.
  const passphrase = secretState(facts.config.storePassphrase);
  if (passphrase.state === "unresolved") return unresolvedSecret(`${facts.path}.storePassphrase`, passphrase.label);
  return undefined;
}

function loginProblem(facts: AccountFacts): string | undefined {
  if (secretState(facts.read("accessToken")).state === "available") return undefined;
  if (secretState(facts.read("password")).state === "available") {
    if (facts.read("userId") !== undefined) return undefined;
    return `${facts.path}.userId is not set: a password needs the user id it belongs to, for example @bot:example.org`;
  }
  if (facts.hasSession()) return undefined;
  return (
    `${facts.path}.accessToken is not set: give an access token, or userId and password, ` +
    `or set ${variable(facts, "accessToken")}, or log in with \`openclaw channels login --channel matrix --account ${facts.accountId}\``
  );
}
