/**
 * `openclaw directory` and `openclaw channels resolve` (DIR-1, DIR-2): plain
 * requests with the account's token, in the process of the command. What cannot
 * be asked is answered from the configuration.
 */
import { resolveMatrixAccount, type ResolvedMatrixAccount } from "../config/accounts.ts";
import type { ChannelDirectoryEntry, ChannelPlugin, OpenClawConfig } from "../host/types.ts";
import type { DirectoryEntry, LookUp } from "../native/directory.ts";
import { isMatrixError } from "../native/errors.ts";
import { shownPower } from "../native/manage.ts";
import { configuredGroups, configuredPeers } from "./configured.ts";

/** Asks the homeserver with an account's eyes. */
export type Look = (account: ResolvedMatrixAccount, what: Pick<LookUp, "wanted" | "term" | "limit">) => Promise<DirectoryEntry[]>;

const DEFAULT_LIMIT = 50;

function person(entry: DirectoryEntry): ChannelDirectoryEntry {
  return { kind: "user", id: `user:${entry.id}`, handle: entry.id, name: entry.name, avatarUrl: entry.avatarUrl, ...(entry.powerLevel === undefined ? {} : { rank: entry.powerLevel, raw: { powerLevel: shownPower(entry.powerLevel) } }) };
}

function room(entry: DirectoryEntry): ChannelDirectoryEntry {
  return { kind: "group", id: `room:${entry.id}`, name: entry.name ?? entry.alias, handle: entry.alias };
}

/** Troubles that leave the configuration as the only source: no homeserver, or no token to ask it with. */
const UNREACHABLE = new Set(["network", "timeout", "rate_limited", "auth_failed", "auth_expired"]);

function isUnreachable(error: unknown): boolean {
  return isMatrixError(error) && UNREACHABLE.has(error.code);
}

function fits(entry: ChannelDirectoryEntry, query: string): boolean {
  const wanted = query.toLowerCase();
  return [entry.id, entry.name, entry.handle].some((text) => text?.toLowerCase().includes(wanted));
}

interface ListParams {
  cfg: OpenClawConfig;
  accountId?: string | null;
  query?: string | null;
  limit?: number | null;
}

/** Each once, the first one's word counting; filtered and cut as asked. */
function listed(entries: readonly ChannelDirectoryEntry[], { query, limit }: ListParams, filtered = false): ChannelDirectoryEntry[] {
  const byId = new Map<string, ChannelDirectoryEntry>();
  for (const entry of entries) if (!byId.has(entry.id)) byId.set(entry.id, entry);
  const wanted = query?.trim() ?? "";
  return [...byId.values()].filter((entry) => filtered || wanted === "" || fits(entry, wanted)).slice(0, limit ?? DEFAULT_LIMIT);
}

type Directory = NonNullable<ChannelPlugin["directory"]>;

export function createDirectory(look: Look): Directory {
  /** The homeserver's answer; nothing where it cannot be asked. */
  const live = async (account: ResolvedMatrixAccount, what: Parameters<Look>[1]): Promise<DirectoryEntry[]> =>
    look(account, what).catch((error: unknown) => {
      if (isUnreachable(error) || !account.homeserver) return [];
      throw error;
    });
  return {
    self: async ({ cfg, accountId }) => {
      const account = resolveMatrixAccount(cfg, accountId);
      // Where nothing else says who the account is, why it cannot be asked is the answer.
      const ask = account.userId ? live : look;
      const [own] = await ask(account, { wanted: "own", limit: 1 });
      if (own) return person(own);
      return account.userId ? person({ id: account.userId }) : null;
    },
    listPeers: async (params) => listed(configuredPeers(resolveMatrixAccount(params.cfg, params.accountId)), params),
    listPeersLive: async (params) => {
      const account = resolveMatrixAccount(params.cfg, params.accountId);
      const term = params.query?.trim() ?? "";
      // Homeservers list nobody unless they are told whom to look for.
      const found = term === "" ? [] : await live(account, { wanted: "people", term: term.replace(/^user:/i, ""), limit: params.limit ?? DEFAULT_LIMIT });
      const configured = configuredPeers(account).filter((entry) => term === "" || fits(entry, term));
      return listed([...found.map(person), ...configured], params, true);
    },
    listGroups: async (params) => listed(configuredGroups(resolveMatrixAccount(params.cfg, params.accountId)), params),
    listGroupsLive: async (params) => {
      const account = resolveMatrixAccount(params.cfg, params.accountId);
      const rooms = await live(account, { wanted: "rooms", limit: 10_000 });
      const known = new Set(rooms.flatMap(({ id, alias }) => [`room:${id}`, `room:${alias}`]));
      return listed([...rooms.map(room), ...configuredGroups(account).filter(({ id }) => !known.has(id))], params);
    },
    listGroupMembers: async ({ cfg, accountId, groupId, limit }) => {
      const term = groupId.trim().replace(/^(?:(?:matrix|room|channel):)+/i, "");
      const members = await look(resolveMatrixAccount(cfg, accountId), { wanted: "members", term, limit: limit ?? 10_000 });
      return members.map(person);
    },
  };
}

