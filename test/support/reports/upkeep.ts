/** `account add`, `devices …`, `direct …` and `profile set`. */
import { z } from "zod";
import type { AccountAddReport } from "../../../ts/cli/account-add.ts";
import type { ProfileSetReport } from "../../../ts/cli/profile.ts";
import type { RenewedReport } from "../../../ts/cli/renew.ts";
import { MATRIX_ERROR_CODES } from "../../../ts/native/errors.ts";
import type { DeviceReport, PruneReport } from "../../../ts/operations/devices.ts";
import type { DirectReport, RepairReport } from "../../../ts/operations/direct.ts";
import { configPath, moment, of, shape, userId } from "./schema.ts";

const id = z.string().min(1);
const roomId = z.string().startsWith("!");
const mxc = z.string().startsWith("mxc://");

const devices = z.array(
  of<DeviceReport>()(z.strictObject({ deviceId: id, displayName: z.string().nullable(), lastSeenIp: z.string().nullable(), lastSeenTs: z.int().nullable(), current: z.boolean() })),
);

const directShape = shape({
  accountId: id,
  remoteUserId: userId,
  selfUserId: userId,
  mappedRoomIds: z.array(roomId),
  mappedRooms: z.array(z.strictObject({ roomId, source: z.enum(["account-data", "joined"]), strict: z.boolean(), joinedMembers: z.array(userId).nullable() })),
  discoveredStrictRoomIds: z.array(roomId),
  activeRoomId: roomId.nullable(),
});

const changedShape = shape({ displayNameUpdated: z.boolean(), avatarUpdated: z.boolean(), resolvedAvatarUrl: mxc.nullable(), convertedAvatarFromHttp: z.boolean() });

export const UPKEEP_REPORTS = {
  "account add": of<Omit<AccountAddReport, "recoveryKey">>()(
    z.strictObject({
      accountId: id,
      configPath,
      useEnv: z.boolean(),
      encryptionEnabled: z.boolean(),
      deviceHealth: z.strictObject({ currentDeviceId: id.nullable(), staleOpenClawDeviceIds: z.array(id), error: id.optional() }),
      verificationBootstrap: z.strictObject({ attempted: z.boolean(), success: z.boolean(), recoveryKeyCreatedAt: moment.nullable(), backupVersion: z.string().nullable(), error: id.optional() }),
      profile: z.strictObject({ attempted: z.boolean(), ...changedShape, error: id.optional() }),
      recoveryKeyCreated: z.boolean(),
    }),
  ),
  "devices list": devices,
  "devices prune-stale": of<PruneReport>()(
    z.strictObject({
      before: devices,
      staleGatewayDeviceIds: z.array(id),
      currentDeviceId: id.nullable(),
      deletedDeviceIds: z.array(id),
      remainingDevices: devices,
      error: id.optional(),
      code: z.enum(MATRIX_ERROR_CODES).optional(),
    }),
  ),
  "devices renew": of<RenewedReport>()(
    z.strictObject({
      accountId: id,
      userId,
      deviceId: id,
      formerDeviceId: id.nullable(),
      formerDeviceOwn: z.boolean(),
      setAside: id.nullable(),
      accessTokenRetired: z.boolean(),
      verification: z.strictObject({ attempted: z.boolean(), success: z.boolean(), error: id.optional() }),
      configPath,
      configChanged: z.boolean(),
    }),
  ),
  "direct inspect": of<DirectReport>()(z.strictObject(directShape)),
  "direct repair": of<RepairReport>()(
    z.strictObject({
      ...directShape,
      encrypted: z.boolean(),
      createdRoomId: roomId.nullable(),
      changed: z.boolean(),
      // As the homeserver has it: anybody's client may have written anything.
      directContentBefore: z.unknown(),
      directContentAfter: z.unknown(),
    }),
  ),
  "profile set": of<ProfileSetReport>()(
    z.strictObject({
      accountId: id,
      displayName: id.nullable(),
      avatarUrl: mxc.nullable(),
      profile: z.strictObject({ ...changedShape, uploadedAvatarSource: z.literal("http").nullable() }),
      configPath,
    }),
  ),
} as const;
