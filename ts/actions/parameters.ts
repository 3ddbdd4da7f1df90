/** Parameters of our actions that the host's message tool does not have by itself. */
import { optionalFlag, optionalPlace, optionalText, optionalWord } from "../host/action-schema.ts";
import type { ChannelMessageActionAdapter } from "../host/types.ts";
import type { Action } from "./gates.ts";
import { OPERATION_NAMES } from "./operation-names.ts";

type Described = NonNullable<ReturnType<ChannelMessageActionAdapter["describeMessageTool"]>>;
type Contribution = Extract<NonNullable<Described["schema"]>, readonly unknown[]>[number];

interface Group {
  actions: readonly Action[];
  properties: () => Contribution["properties"];
}

const GROUPS: readonly Group[] = [
  { actions: ["send"], properties: () => ({ location: optionalPlace("send: a place on the map, without a message; name and address describe it.") }) },
  { actions: ["poll-vote"], properties: () => ({ pollEnd: optionalFlag("poll-vote: end the poll instead of voting.") }) },
  {
    actions: ["set-profile", "setGroupIcon", "channel-edit"],
    properties: () => ({ avatarUrl: optionalText("The picture: an https: or mxc: URL.") }),
  },
  { actions: ["set-profile"], properties: () => ({ displayName: optionalText("set-profile: the name others see.") }) },
  {
    actions: ["channel-create", "category-create"],
    properties: () => ({
      public: optionalFlag("Everybody may join; otherwise the invited only."),
      encrypted: optionalFlag("channel-create: false makes it unencrypted."),
    }),
  },
  {
    actions: ["permissions"],
    properties: () => ({
      operation: optionalWord(OPERATION_NAMES, "permissions: what to do about encryption and verification."),
      verificationId: optionalText("permissions: which verification, as verification-list names it."),
      recoveryKey: optionalText("permissions: the recovery key, for verification-recovery-key and verification-backup-restore."),
      deviceId: optionalText("verification-request: one device of userId."),
      roomId: optionalText("verification-request: the room to ask userId in."),
      ownUser: optionalFlag("verification-request: ask the account's own other devices."),
    }),
  },
];

/** For those of the actions that are there; only where Matrix is the channel the agent is in. */
export function extraParameters(allowed: readonly Action[]): Contribution[] {
  return GROUPS.filter(({ actions }) => actions.some((action) => allowed.includes(action))).map(({ actions, properties }) => ({ properties: properties(), actions, visibility: "current-channel" }));
}
