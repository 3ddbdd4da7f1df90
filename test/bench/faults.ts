import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Homeserver } from "../homeserver/homeserver.ts";
import { request } from "../homeserver/users.ts";
import { FaultProxy, faults, type RuleOptions } from "../support/fault-proxy/index.ts";
import { until } from "../support/process.ts";
import type { Task } from "./measure.ts";

/** How often the event-loop monitor looks. What it records is the time between two looks, so this much is no stall. */
export const RESOLUTION_MS = 10;

/** What the parent tells the measured process. */
export type Measure = "begin" | "now" | "close";

/** What it answers: messages read and sent since its start, and the longest stall since `begin`, in milliseconds. */
export interface Stalled {
  read: number;
  sent: number;
  longestStall: number;
}

/** A manner of the proxy and what came of it. */
export interface Crossed {
  manner: string;
  /** Requests the proxy saw, and those it spoiled. */
  requests: number;
  spoiled: number;
  /** Messages sent to the account meanwhile, and how many of them it has read when the manner is over. */
  asked: number;
  read: number;
  longestStall: number;
  /** Of a process that did nothing meanwhile. */
  idleStall: number;
}

const MESSAGES = 20;
/** How long each manner lasts, in milliseconds. */
const LASTS_MS = 8000;

const MANNERS: { manner: string; fault?: Omit<RuleOptions, "userId"> }[] = [
  { manner: "none" },
  { manner: "reset", fault: { fault: { kind: "reset" } } },
  { manner: "502", fault: { fault: faults.badGateway() } },
  { manner: "429", fault: { fault: faults.rateLimited({ retryAfterMs: 500 }) } },
  { manner: "cut bodies", fault: { fault: { kind: "cut", how: "reset" } } },
  { manner: "slow bodies", fault: { fault: { kind: "slow", totalMs: 1000 } } },
  { manner: "stalls", fault: { fault: { kind: "stall" } } },
  { manner: "keys/query hangs", fault: { path: /^keys\/query$/, fault: { kind: "stall" } } },
];

/** A user in two rooms, one of them encrypted, with a person who writes to the other over plain HTTP. */
async function company(homeserver: Homeserver): Promise<{ userId: string; password: string; roomIds: string[]; write: (text: string) => Promise<void> }> {
  const [bot, person] = [await homeserver.register("bench"), await homeserver.register("person")];
  const roomIds: string[] = [];
  for (const encrypted of [false, true]) {
    const initial = encrypted ? [{ type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } }] : [];
    const { room_id: roomId } = await request<{ room_id: string }>(homeserver.baseUrl, "POST", "v3/createRoom", { token: person.accessToken, body: { preset: "private_chat", invite: [bot.userId], initial_state: initial } });
    await request(homeserver.baseUrl, "POST", `v3/rooms/${encodeURIComponent(roomId)}/join`, { token: bot.accessToken, body: {} });
    roomIds.push(roomId);
  }
  let number = 0;
  const path = `v3/rooms/${encodeURIComponent(roomIds[0] as string)}/send/m.room.message/`;
  const write = async (body: string): Promise<void> => {
    await request(homeserver.baseUrl, "PUT", `${path}${++number}`, { token: person.accessToken, body: { msgtype: "m.text", body } });
  };
  return { userId: bot.userId, password: bot.password, roomIds, write };
}

async function told(child: ChildProcess, measure: Measure): Promise<Stalled> {
  const answer = once(child, "message");
  child.send(measure);
  return ((await answer) as [Stalled])[0];
}

/** Lets an account of the addon, in a process of its own, cross every manner with traffic both ways. */
export async function crossFaults(homeserver: Homeserver, paths: { stateDir: string; pluginDir: string }): Promise<Crossed[]> {
  const proxy = await FaultProxy.start(homeserver.baseUrl);
  const { write, ...user } = await company(homeserver);
  const [child, idle] = ["stalls.ts", "idle.ts"].map((file) => spawn(process.execPath, [join(import.meta.dirname, file)], { stdio: ["ignore", "ignore", "inherit", "ipc"] })) as [ChildProcess, ChildProcess];
  const ended = once(child, "close");
  try {
    await once(idle, "message");
    const ready = once(child, "message");
    child.send({ homeserver: proxy.url, ...user, ...paths } satisfies Task);
    await Promise.race([ready, ended.then(() => Promise.reject(new Error("the account behind the proxy did not start")))]);
    const crossed: Crossed[] = [];
    let asked = 0;
    for (const { manner, fault } of MANNERS) {
      const before = proxy.passed.length;
      const start = await told(child, "begin");
      await told(idle, "begin");
      const rule = fault && proxy.spoil({ userId: user.userId, ...fault });
      for (let message = 0; message < MESSAGES; message++) {
        await write(`${manner} ${message}`);
        await pause(LASTS_MS / MESSAGES);
      }
      rule?.lift();
      asked += MESSAGES;
      // All that piled up is worked off before the measurement ends; a stalled poll ends by its time-out.
      let end = start;
      await until(`the messages of "${manner}" to be read`, 120_000, async () => (end = await told(child, "now")).read >= asked, 500).catch(() => undefined);
      crossed.push({ manner, requests: proxy.passed.length - before, spoiled: rule?.hits ?? 0, asked: MESSAGES, read: end.read - start.read, longestStall: end.longestStall, idleStall: (await told(idle, "now")).longestStall });
    }
    child.send("close" satisfies Measure);
    await ended;
    return crossed;
  } finally {
    child.kill("SIGKILL");
    idle.kill("SIGKILL");
    await proxy.stop();
  }
}

/** As Markdown. */
export function faultTable(crossed: Crossed[]): string {
  return [
    "| behind the fault proxy | requests | spoiled | messages read | longest stall of the event loop | of an idle process |",
    "|---|---:|---:|---:|---:|---:|",
    ...crossed.map(({ manner, requests, spoiled, asked, read, longestStall, idleStall }) => `| ${manner} | ${requests} | ${spoiled} | ${read} of ${asked} | ${longestStall.toFixed(1)} ms | ${idleStall.toFixed(1)} ms |`),
  ].join("\n");
}
