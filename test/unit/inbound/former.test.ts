import { afterEach, describe, expect, it, vi } from "vitest";
import { createOutboundAdapter } from "../../../ts/outbound/adapter.ts";
import { runningAccount } from "../../../ts/gateway/registry.ts";
import { DM, run, type Running } from "../support/running.ts";

const transcript = vi.hoisted(() => ({ answer: undefined as string | undefined | Error, asked: [] as string[], failed: false, running: 0, looks: 0, owed: [] as { intent: string; running: boolean; answer: { text: string; deliveries: string[] } }[] }));
vi.mock("../../../ts/host/transcript.ts", () => ({
  finishedAnswer: ({ messageId }: { messageId: string }) => {
    transcript.asked.push(messageId);
    if (transcript.answer instanceof Error) throw transcript.answer;
    return transcript.answer === undefined ? undefined : { text: transcript.answer, deliveries: ["delivery"] };
  },
  owedAnswer: () => (transcript.owed.length > 1 ? transcript.owed.shift() : transcript.owed[0]),
  leftUnanswered: () => transcript.failed,
  sessionRuns: () => ++transcript.looks <= transcript.running,
}));

let on: Running;
afterEach(async () => {
  await on.stop();
  transcript.answer = undefined;
  transcript.failed = false;
  transcript.owed.length = 0;
  transcript.running = transcript.looks = 0;
  transcript.asked.length = 0;
});

async function settled(text: string, attempts: number): Promise<void> {
  const event = on.account.say(text, { roomId: DM, attempts });
  await on.account.until(() => on.account.stateOf(event) === "settled");
}

const open = () => run({ matrix: { dm: { policy: "open", allowFrom: ["*"] } } });

describe("an answer that was finished when the process ended", () => {
  it("[SES-11] is delivered in the place of what the model says when it is asked again", async () => {
    on = open();
    transcript.answer = "the answer";
    on.host.script = async (_turn, { deliver }) => {
      await deliver({ text: "I have answered that already." });
      await deliver({ text: "Anything else?" });
    };
    await settled("hello", 1);
    expect(on.account.texts()).toEqual(["the answer"]);
  });

  it("[SES-11] is delivered where the host says nothing, because it knows the message", async () => {
    on = open();
    transcript.answer = "the answer";
    on.host.script = async () => undefined;
    await settled("hello", 2);
    expect(on.account.texts()).toEqual(["the answer"]);
  });

  it("[SES-11] that the host's queue has handed over already is not sent a second time, nor what the model says now", async () => {
    on = open();
    transcript.answer = "the answer";
    await on.account.sendText({ roomId: DM, markdown: "the answer", kind: "text", key: "queue:delivery:0", chunkLimit: 4000, chunkMode: "length", tables: "block" });
    on.host.script = async (_turn, { deliver }) => void (await deliver({ text: "I have answered that already." }));
    await settled("hello", 1);
    expect(on.account.texts()).toEqual(["the answer"]);
  });

  it("[SES-11] is not sent once more by the host's queue", async () => {
    on = open();
    transcript.answer = "the answer";
    on.host.script = async () => undefined;
    await settled("hello", 1);
    const find = () => ({ account: on.account as never, resolved: {} as never, replaced: runningAccount("default")?.inbound?.replaced });
    const { messageId } = (await createOutboundAdapter(find).sendText?.({ cfg: {}, to: `room:${DM}`, text: "the answer", deliveryQueueId: "delivery" } as never)) ?? {};
    expect(messageId).toMatch(/^\$/);
    expect(on.account.texts()).toEqual(["the answer"]);
  });

  it("[SES-11] is not looked for at the first time, nor for a command, and a transcript that cannot be read is no obstacle", async () => {
    on = open();
    transcript.answer = "of another time";
    on.host.script = async (_turn, { deliver }) => void (await deliver({ text: "fresh" }));
    await settled("hello", 0);
    await settled("/status", 1);
    expect(transcript.asked).toEqual([]);
    transcript.answer = new Error("locked");
    await settled("hello again", 1);
    expect(on.account.texts()).toEqual(["fresh", "fresh", "fresh"]);
  });

  it("[SES-11] a run that failed where the turn does not hear of it is tried again under an id of its own", async () => {
    on = open();
    transcript.failed = true;
    on.host.script = async (_turn, { deliver }) => {
      if (on.host.turns.length > 1) await deliver({ text: "the answer" });
    };
    await settled("hello", 1);
    expect(on.account.texts()).toEqual(["the answer"]);
    expect(on.host.turns).toHaveLength(2);
  });

  it("[SES-11] that the host is about to deliver is waited for before the next message, and delivered here if the host leaves it", async () => {
    on = open();
    on.host.script = async (_turn, { deliver }) => void (await deliver({ text: "the next answer" }));
    for (const text of ["hello", "hello again"]) on.host.knows.add(text);
    const owed = { intent: "one", running: true, answer: { text: "the answer", deliveries: ["delivery"] } };
    transcript.owed = [owed, owed, { ...owed, running: false }];
    const first = on.account.say("hello", { roomId: DM, attempts: 1 });
    const next = on.account.say("next", { roomId: DM });
    await on.account.until(() => on.account.stateOf(first) === "settled" && on.account.stateOf(next) === "settled");
    expect(on.account.texts()).toEqual(["the answer", "the next answer"]);

    transcript.owed = [owed, { ...owed, intent: "two" }];
    await settled("hello again", 1);
    expect(on.account.texts()).toHaveLength(2);
  });

  it("[SES-11] a turn that the host refuses because it resumes the session is offered again once that is over", async () => {
    on = open();
    transcript.running = 2;
    const looks: number[] = [];
    on.host.script = async (_turn, { deliver }) => {
      looks.push(transcript.looks);
      if (looks.length === 1) throw new Error("restart recovery claim changed before agent adoption");
      await deliver({ text: "the answer" });
    };
    await settled("hello", 0);
    expect(on.account.texts()).toEqual(["the answer"]);
    expect(looks).toEqual([0, 3]);
  });

  it("[SES-11] what the host says of a turn that it queued is no failure, because its answer comes by another way, unless there is none", async () => {
    on = open();
    on.host.queues = true;
    on.host.script = async (_turn, { deliver }) => void (await deliver({ text: "⚠️ OpenClaw couldn't produce or deliver a reply. Please try again." }));
    await settled("hello", 0);
    expect(on.host.turns).toHaveLength(1);
    transcript.failed = true;
    const event = on.account.say("hello again", { roomId: DM });
    await on.account.until(() => on.host.turns.length > 2);
    transcript.failed = false;
    await on.account.until(() => on.account.stateOf(event) === "settled");
    expect(on.account.texts()).toEqual([]);
  });
});
