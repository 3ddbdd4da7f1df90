/**
 * The generated binding against the contract. There is nothing to run: `tsc`
 * refuses this file when a type of the one does not fit the other.
 */
import type * as Contract from "../../../ts/native/account.ts";
import type * as Binding from "../../../ts/native/binding.d.ts";
import type * as Manage from "../../../ts/native/manage.ts";
import type * as Queues from "../../../ts/native/queues.ts";
import type * as Trust from "../../../ts/native/trust.ts";
import type * as Upkeep from "../../../ts/native/upkeep.ts";

/** Is only a type if `A` can stand where `B` is wanted. */
type Fits<A extends B, B> = A;

/** What the addon hands out is what the contract promises … */
export type HandsOut = [
  Fits<Binding.InboundEvent, Contract.InboundEvent>,
  Fits<Binding.Identity, Contract.Identity>,
  Fits<Binding.Sent, Contract.Sent>,
  Fits<Binding.OutboxEntry, Contract.OutboxEntry>,
  Fits<Binding.RoomInfo, Contract.RoomInfo>,
  Fits<Binding.MemberInfo, Contract.MemberInfo>,
  Fits<Binding.FetchedMessage, Contract.FetchedMessage>,
  Fits<Binding.PendingInvite, Contract.PendingInvite>,
  Fits<Binding.FoundUser, Contract.FoundUser>,
  Fits<Binding.EncryptionStatus, Contract.EncryptionStatus>,
  Fits<Binding.Health, Contract.Health>,
  Fits<Binding.SenderCheck, Trust.SenderCheck>,
  Fits<Binding.ProbeResult, Contract.ProbeResult>,
  Fits<Binding.LogRecord, Contract.LogRecord>,
  Fits<Binding.ShownDeadLetter, Queues.ShownDeadLetter>,
  Fits<Binding.UnsentMessage, Queues.UnsentMessage>,
  Fits<Binding.OwnDevice, Upkeep.OwnDevice>,
  Fits<Binding.DirectRepair, Upkeep.DirectRepair>,
  Fits<Binding.ProfileOutcome, Upkeep.ProfileOutcome>,
  Fits<Binding.Renewed, Upkeep.Renewed>,
  Fits<Binding.RoomPowers, Manage.RoomPowers>,
  Fits<Binding.ThreadPage, Manage.ThreadPage>,
];

/** … and the contract promises nothing that the addon does not hand out. */
export type Promises = [
  Fits<Contract.InboundEvent, Binding.InboundEvent>,
  Fits<Contract.Identity, Binding.Identity>,
  Fits<Contract.Sent, Binding.Sent>,
  Fits<Contract.OutboxEntry, Binding.OutboxEntry>,
  Fits<Contract.RoomInfo, Binding.RoomInfo>,
  Fits<Contract.MemberInfo, Binding.MemberInfo>,
  Fits<Contract.FetchedMessage, Binding.FetchedMessage>,
  Fits<Contract.PendingInvite, Binding.PendingInvite>,
  Fits<Contract.FoundUser, Binding.FoundUser>,
  Fits<Contract.EncryptionStatus, Binding.EncryptionStatus>,
  Fits<Contract.Health, Binding.Health>,
  Fits<Trust.SenderCheck, Binding.SenderCheck>,
  Fits<Contract.ProbeResult, Binding.ProbeResult>,
  Fits<Contract.LogRecord, Binding.LogRecord>,
  Fits<Queues.ShownDeadLetter, Binding.ShownDeadLetter>,
  Fits<Queues.UnsentMessage, Binding.UnsentMessage>,
  Fits<Upkeep.OwnDevice, Binding.OwnDevice>,
  Fits<Upkeep.DirectRepair, Binding.DirectRepair>,
  Fits<Upkeep.ProfileOutcome, Binding.ProfileOutcome>,
  Fits<Upkeep.Renewed, Binding.Renewed>,
  Fits<Manage.RoomPowers, Binding.RoomPowers>,
  Fits<Manage.ThreadPage, Binding.ThreadPage>,
];

/** What the contract allows as an argument is what the addon takes, both ways. */
export type Takes = [
  Fits<Contract.OpenAccountOptions, Binding.OpenAccountOptions>,
  Fits<Binding.OpenAccountOptions, Contract.OpenAccountOptions>,
  Fits<Queues.OpenQueuesOptions, Binding.OpenQueuesOptions>,
  Fits<Binding.OpenQueuesOptions, Queues.OpenQueuesOptions>,
  Fits<Contract.ProbeOptions, Binding.ProbeOptions>,
  Fits<Binding.ProbeOptions, Contract.ProbeOptions>,
  Fits<Contract.SendText, Binding.SendText>,
  Fits<Binding.SendText, Contract.SendText>,
  Fits<Contract.EditText, Binding.EditText>,
  Fits<Binding.EditText, Contract.EditText>,
  Fits<Manage.NewRoom, Binding.NewRoom>,
  Fits<Binding.NewRoom, Manage.NewRoom>,
  Fits<Manage.RoomEdit, Binding.RoomEdit>,
  Fits<Binding.RoomEdit, Manage.RoomEdit>,
];

/** Every method is on both sides; `batches` is built over `nextBatch`. */
export type Methods = [
  Fits<Exclude<keyof Contract.Account, "batches">, keyof Binding.Account>,
  Fits<Exclude<keyof Binding.Account, "nextBatch">, keyof Contract.Account>,
  Fits<keyof Queues.Queues, keyof Binding.Queues>,
  Fits<keyof Binding.Queues, keyof Queues.Queues>,
];
