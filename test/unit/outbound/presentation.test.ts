import { describe, expect, it } from "vitest";
import type { MessagePresentation } from "../../../ts/host/presentation.ts";
import type { ReplyPayload } from "../../../ts/host/types.ts";
import { commands } from "../../../ts/outbound/menus.ts";
import { presented } from "../../../ts/outbound/presentation.ts";

const KEY = "com.openclaw.presentation";

async function sent(presentation: MessagePresentation, text?: string) {
  const { payload, extra } = await presented({ text, presentation } as ReplyPayload);
  return { text: payload.text, event: extra?.[KEY] as Record<string, unknown> | undefined };
}

describe("a reply with blocks", () => {
  it("[PRE-1] carries them in its event, under a version and a type", async () => {
    const blocks: MessagePresentation["blocks"] = [
      { type: "context", text: "small print" },
      { type: "divider" },
      { type: "select", placeholder: "Choose", options: [{ label: "One", action: { type: "command", command: "/one" } }] },
    ];
    const { event } = await sent({ title: "Title", tone: "info", blocks }, "Words.");
    expect(event).toMatchObject({ version: 1, type: "message.presentation", title: "Title", tone: "info" });
    expect(event?.blocks).toMatchObject([{ type: "context" }, { type: "divider" }, { type: "select" }]);
  });

  it("[PRE-2] reads as text: commands can be copied, addresses followed, what is private stays so", async () => {
    const { text } = await sent(
      {
        title: "Title",
        blocks: [
          { type: "text", text: "Words." },
          {
            type: "buttons",
            buttons: [
              { label: "Run", action: { type: "command", command: "/run" } },
              { label: "Read", action: { type: "url", url: "https://example.org/" } },
              { label: "Press", action: { type: "callback", value: "secret-token" } },
              { label: "Off", action: { type: "command", command: "/off" }, disabled: true },
            ],
          },
        ],
      },
      "Before.",
    );
    expect(text).toBe("Before.\n\nTitle\n\nWords.\n\n- Run: `/run`\n- Read: https://example.org/\n- Press\n- Off");
    expect((await sent({ blocks: [{ type: "divider" }] })).text).toBe("---");
  });

  it("[PRE-1] without blocks is what it was", async () => {
    expect(await presented({ text: "plain" })).toEqual({ payload: { text: "plain" }, extra: undefined });
  });
});

describe("the host's menus", () => {
  it("[PRE-3] are lists whose options say the command", async () => {
    const channelData = commands.buildModelsMenuChannelData?.({ providers: [{ id: "stub", count: 2 }] });
    const { payload, extra } = await presented({ text: "Select a provider:", channelData } as ReplyPayload);
    expect(extra?.[KEY]).toMatchObject({ blocks: [{ type: "select", options: [{ label: "stub (2)", action: { type: "command", command: "/models stub" }, value: "/models stub" }] }, { type: "context" }] });
    expect(payload.text).toMatch(/^Select a provider:\n\nProviders:\n- stub \(2\): `\/models stub`/);
    const list = commands.buildModelsListChannelData?.({ provider: "stub", models: ["a", "b", "c"], currentModel: "stub/b", currentPage: 1, totalPages: 2, pageSize: 2 });
    const models = await presented({ text: "Models", channelData: list } as ReplyPayload);
    expect(models.extra?.[KEY]).toMatchObject({ blocks: [{ options: [{ label: "a", value: "/model stub/a -s" }, { label: "b ✓", value: "/model stub/b -s" }] }, { type: "context" }] });
    expect(models.payload.text).toContain("Page 1 of 2: `/models stub 2`");
  });
});
