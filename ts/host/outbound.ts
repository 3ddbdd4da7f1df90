/** Receipts and message adapters of the host's delivery. */
export { createMessageReceiptFromOutboundResults, createReplyPrefixOptions, sendDurableMessageBatch } from "openclaw/plugin-sdk/channel-outbound";
