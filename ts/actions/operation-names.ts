/** What the action `permissions` can do; beside the operations themselves, because the tool's schema is built without loading those. */
export const OPERATION_NAMES = [
  "encryption-status",
  "verification-status",
  "verification-bootstrap",
  "verification-recovery-key",
  "verification-backup-status",
  "verification-backup-restore",
  "verification-list",
  "verification-request",
  "verification-accept",
  "verification-cancel",
  "verification-start",
  "verification-generate-qr",
  "verification-sas",
  "verification-confirm",
  "verification-mismatch",
  "verification-confirm-qr",
] as const;

export type OperationName = (typeof OPERATION_NAMES)[number];
