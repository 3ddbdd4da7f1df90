/** `matrix.direct.…`: where messages to a person go (DRX-1, DRX-2). */
import type { DirectInspection } from "../native/upkeep.ts";
import { operation, type RawParams, requiredText } from "./operation.ts";

/** As `direct inspect --json` prints it. */
export interface DirectReport {
  accountId: string;
  remoteUserId: string;
  selfUserId: string;
  mappedRoomIds: string[];
  mappedRooms: { roomId: string; source: "account-data" | "joined"; strict: boolean; joinedMembers: string[] | null }[];
  discoveredStrictRoomIds: string[];
  activeRoomId: string | null;
}

export interface RepairReport extends DirectReport {
  encrypted: boolean;
  createdRoomId: string | null;
  changed: boolean;
  directContentBefore: unknown;
  directContentAfter: unknown;
}

function report(accountId: string, inspection: DirectInspection): DirectReport {
  const { remoteUserId, selfUserId, mappedRooms, discoveredStrictRoomIds, activeRoomId } = inspection;
  return {
    accountId,
    remoteUserId,
    selfUserId,
    mappedRoomIds: mappedRooms.map(({ roomId }) => roomId),
    mappedRooms: mappedRooms.map(({ roomId, strict, joinedMembers }) => ({ roomId, source: "account-data", strict, joinedMembers: joinedMembers ?? null })),
    discoveredStrictRoomIds,
    activeRoomId: activeRoomId ?? null,
  };
}

const read = (params: RawParams) => ({ userId: requiredText(params, "userId") });

export const directInspect = operation({
  method: "matrix.direct.inspect",
  read,
  run: async (account, { userId }, { accountId }): Promise<DirectReport> => report(accountId, await account.inspectDirect(userId)),
});

export const directRepair = operation({
  method: "matrix.direct.repair",
  read,
  run: async (account, { userId }, { accountId }): Promise<RepairReport> => {
    const done = await account.repairDirect(userId);
    return {
      ...report(accountId, done.inspection),
      encrypted: done.encrypted,
      createdRoomId: done.createdRoomId ?? null,
      changed: done.changed,
      directContentBefore: JSON.parse(done.contentBefore),
      directContentAfter: JSON.parse(done.contentAfter),
    };
  },
});
