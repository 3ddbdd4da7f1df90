/** Names and scopes of the gateway methods, for registration without loading what they do. */
export const METHOD_SCOPES = {
  "matrix.status": "operator.read",
  "matrix.verify.status": "operator.admin",
  "matrix.deadLetters.list": "operator.read",
  "matrix.deadLetters.show": "operator.admin",
  "matrix.deadLetters.resubmit": "operator.admin",
  "matrix.deadLetters.drop": "operator.admin",
  "matrix.outbox.list": "operator.read",
  "matrix.outbox.retry": "operator.admin",
  "matrix.outbox.drop": "operator.admin",
  "matrix.verify.bootstrap": "operator.admin",
  "matrix.verify.recoveryKey": "operator.admin",
  "matrix.encryption.setup": "operator.admin",
  "matrix.verify.backup.status": "operator.admin",
  "matrix.verify.backup.restore": "operator.admin",
  "matrix.verify.backup.reset": "operator.admin",
  "matrix.devices.list": "operator.read",
  "matrix.devices.prune": "operator.admin",
  "matrix.devices.renew": "operator.admin",
  "matrix.direct.inspect": "operator.read",
  "matrix.direct.repair": "operator.admin",
  "matrix.profile.set": "operator.admin",
  "matrix.pairing.notify": "operator.admin",
} as const;

export type MethodName = keyof typeof METHOD_SCOPES;
