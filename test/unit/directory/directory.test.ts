import { describe, expect, it } from "vitest";
import { createDirectory, type Look } from "../../../ts/directory/adapter.ts";
import { createResolver } from "../../../ts/directory/resolve.ts";
import type { OpenClawConfig } from "../../../ts/host/types.ts";
import type { DirectoryEntry, LookUp } from "../../../ts/native/directory.ts";
import { MatrixError } from "../../../ts/native/errors.ts";
import { ALICE, CAROL, LOGIN } from "../support/running.ts";

const cfg = {
  channels: {
    matrix: {
      ...LOGIN,
      userId: "@bot:example.org",
      dm: { allowFrom: [ALICE, "*"] },
      groupAllowFrom: [`user:${CAROL}`],
      groups: { "!kitchen:example.org": {}, "#hall:example.org": {}, "*": {}, "!off:example.org": { enabled: false } },
    },
  },
} as OpenClawConfig;

const runtime = {} as never;

const ROOMS: DirectoryEntry[] = [
  { id: "!kitchen:example.org", name: "Kitchen" },
  { id: "!hall:example.org", name: "Hall", alias: "#hall:example.org" },
  { id: "!twin1:example.org", name: "Twin" },
  { id: "!twin2:example.org", name: "Twin" },
];

function answering(answers: Partial<Record<LookUp["wanted"], DirectoryEntry[]>>): { look: Look; asked: unknown[] } {
  const asked: unknown[] = [];
  return {
    asked,
    look: async (_account, what) => {
      asked.push(what);
      return answers[what.wanted] ?? [];
    },
  };
}

const down: Look = async () => {
  throw new MatrixError("network", "the homeserver does not answer");
};

describe("the directory", () => {
  it("[DIR-1] without a homeserver lists what the configuration names", async () => {
    const directory = createDirectory(down);
    expect(await directory.self?.({ cfg, runtime })).toMatchObject({ kind: "user", id: "user:@bot:example.org" });
    expect((await directory.listPeersLive?.({ cfg, runtime }))?.map(({ id }) => id)).toEqual([`user:${ALICE}`, `user:${CAROL}`]);
    expect((await directory.listPeersLive?.({ cfg, runtime, query: "carol" }))?.map(({ id }) => id)).toEqual([`user:${CAROL}`]);
    expect((await directory.listGroupsLive?.({ cfg, runtime }))?.map(({ id }) => id)).toEqual(["room:!kitchen:example.org", "room:#hall:example.org"]);
    await expect(directory.listGroupMembers?.({ cfg, runtime, groupId: "!kitchen:example.org" })).rejects.toThrow("does not answer");
  });

  it("[DIR-1] with one finds people by name and lists the joined rooms, each once", async () => {
    const { look, asked } = answering({ people: [{ id: "@dave:example.org", name: "Dave" }], rooms: ROOMS });
    const directory = createDirectory(look);
    expect(await directory.listPeersLive?.({ cfg, runtime, query: "Dave", limit: 3 })).toEqual([{ kind: "user", id: "user:@dave:example.org", handle: "@dave:example.org", name: "Dave" }]);
    expect(asked).toEqual([{ wanted: "people", term: "Dave", limit: 3 }]);
    expect((await directory.listGroupsLive?.({ cfg, runtime }))?.map(({ id }) => id)).toEqual(ROOMS.map(({ id }) => `room:${id}`));
    expect((await directory.listGroupsLive?.({ cfg, runtime, query: "kitch", limit: 1 }))?.map(({ name }) => name)).toEqual(["Kitchen"]);
  });

  it("[HST-8] members come with their power level, and self is whom the homeserver says we are", async () => {
    const { look, asked } = answering({ own: [{ id: "@real:example.org", name: "Real" }], members: [{ id: ALICE, name: "Alice", powerLevel: 100 }] });
    const directory = createDirectory(look);
    expect(await directory.self?.({ cfg, runtime })).toMatchObject({ id: "user:@real:example.org", name: "Real" });
    expect(await directory.listGroupMembers?.({ cfg, runtime, groupId: "room:!kitchen:example.org", limit: 5 })).toMatchObject([{ id: `user:${ALICE}`, name: "Alice", rank: 100, raw: { powerLevel: 100 } }]);
    expect(asked.at(-1)).toEqual({ wanted: "members", term: "!kitchen:example.org", limit: 5 });
  });
});

describe("names to ids", () => {
  const resolve = (look: Look, kind: "user" | "group", ...inputs: string[]) => createResolver(look).resolveTargets({ cfg, inputs, kind, runtime });

  it("[DIR-2] ids stand for themselves, aliases and names are looked up", async () => {
    const { look } = answering({ rooms: ROOMS, alias: [{ id: "!hall:example.org", alias: "#hall:example.org" }], people: [{ id: ALICE, name: "Alice" }, { id: CAROL, name: "Alice Carol" }] });
    expect(await resolve(look, "group", "room:!x:example.org", "#hall:example.org", "kitchen")).toMatchObject([
      { resolved: true, id: "!x:example.org" },
      { resolved: true, id: "!hall:example.org" },
      { resolved: true, id: "!kitchen:example.org", name: "Kitchen" },
    ]);
    expect(await resolve(look, "user", "@x:example.org", "alice")).toMatchObject([
      { resolved: true, id: "@x:example.org" },
      { resolved: true, id: ALICE, name: "Alice" },
    ]);
  });

  it("[DIR-2] what is not exact or not single is not resolved, and says why", async () => {
    const { look } = answering({ rooms: ROOMS, people: [{ id: CAROL, name: "Alice Carol" }] });
    const [twin, gone, alias] = await resolve(look, "group", "Twin", "Cellar", "#gone:example.org");
    expect(twin).toMatchObject({ resolved: false, note: expect.stringContaining("!twin1:example.org, !twin2:example.org") });
    expect(gone).toMatchObject({ resolved: false, note: expect.stringContaining("no exact match") });
    expect(alias).toMatchObject({ resolved: false, note: "there is no such alias" });
    expect(await resolve(look, "user", "Alice")).toMatchObject([{ resolved: false, note: expect.stringContaining(CAROL) }]);
    expect(await resolve(down, "user", "Alice")).toMatchObject([{ resolved: false, note: "the homeserver does not answer" }]);
  });
});
