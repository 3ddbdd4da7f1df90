/** Names to ids (DIR-2): exact matches only; several are said to be several. */
import { resolveMatrixAccount, type ResolvedMatrixAccount } from "../config/accounts.ts";
import type { ChannelPlugin } from "../host/types.ts";
import type { DirectoryEntry } from "../native/directory.ts";
import type { Look } from "./adapter.ts";

type Resolver = NonNullable<ChannelPlugin["resolver"]>;
type Resolved = Awaited<ReturnType<Resolver["resolveTargets"]>>[number];

const USER = /^@[^\s:]+:\S+$/;
const ROOM = /^![^\s:]+(?::\S+)?$/;
const ALIAS = /^#[^\s:]+:\S+$/;
/** People of the directory who are looked through for an exact name. */
const CANDIDATES = 50;

function bare(input: string): string {
  return input.trim().replace(/^(?:(?:matrix|room|channel|user):)+/i, "").trim();
}

/** The one entry with this name, or why there is none. */
function exact(input: string, name: string, entries: readonly DirectoryEntry[]): Resolved {
  const wanted = name.toLowerCase();
  const matches = entries.filter((entry) => entry.name?.toLowerCase() === wanted || entry.alias?.toLowerCase() === wanted);
  const [first, ...others] = matches;
  if (!first) return { input, resolved: false, note: entries.length > 0 ? `no exact match; similar: ${entries.slice(0, 3).map(({ id, name: shown }) => `${shown ?? id} (${id})`).join(", ")}` : "not found" };
  if (others.length > 0) return { input, resolved: false, note: `ambiguous, name one by its id: ${matches.map(({ id }) => id).join(", ")}` };
  return { input, resolved: true, id: first.id, name: first.name ?? first.alias };
}

async function resolveUser(input: string, account: ResolvedMatrixAccount, look: Look): Promise<Resolved> {
  const name = bare(input);
  if (USER.test(name)) return { input, resolved: true, id: name };
  return exact(input, name, await look(account, { wanted: "people", term: name, limit: CANDIDATES }));
}

async function resolveGroup(input: string, account: ResolvedMatrixAccount, look: Look, rooms: () => Promise<DirectoryEntry[]>): Promise<Resolved> {
  const name = bare(input);
  if (ROOM.test(name)) return { input, resolved: true, id: name };
  if (ALIAS.test(name)) {
    const [found] = await look(account, { wanted: "alias", term: name, limit: 1 });
    return found ? { input, resolved: true, id: found.id, name } : { input, resolved: false, note: "there is no such alias" };
  }
  return exact(input, name, await rooms());
}

export function createResolver(look: Look): Resolver {
  return {
    resolveTargets: async ({ cfg, accountId, inputs, kind }) => {
      const account = resolveMatrixAccount(cfg, accountId);
      let joined: Promise<DirectoryEntry[]> | undefined;
      const rooms = () => (joined ??= look(account, { wanted: "rooms", limit: 10_000 }));
      return Promise.all(
        inputs.map(async (input): Promise<Resolved> => {
          try {
            return await (kind === "user" ? resolveUser(input, account, look) : resolveGroup(input, account, look, rooms));
          } catch (error) {
            return { input, resolved: false, note: error instanceof Error ? error.message : String(error) };
          }
        }),
      );
    },
  };
}
