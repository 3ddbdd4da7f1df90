import { describe, expect, it } from "vitest";
import { fromNative, isMatrixError, MatrixError } from "../../../ts/native/errors.ts";

describe("MatrixError", () => {
  it("carries code, sentence and what the homeserver said", () => {
    const error = new MatrixError("rate_limited", "Slow down.", { errcode: "M_LIMIT_EXCEEDED", status: 429, retryAfterMs: 1500 });
    expect(error).toMatchObject({ name: "MatrixError", code: "rate_limited", message: "Slow down.", errcode: "M_LIMIT_EXCEEDED", status: 429, retryAfterMs: 1500 });
    expect(Object.keys(new MatrixError("closed", "Closed."))).not.toContain("errcode");
  });

  it("is recognised across evaluations of the plugin, by code where asked", () => {
    const elsewhere = Object.assign(new Error("x"), { code: "closed", [Symbol.for("openclaw-matrix-rs.error")]: true });
    expect(isMatrixError(elsewhere)).toBe(true);
    expect(isMatrixError(elsewhere, "network", "closed")).toBe(true);
    expect(isMatrixError(elsewhere, "network")).toBe(false);
    expect(isMatrixError(new Error("x"))).toBe(false);
    expect(isMatrixError({ code: "closed" })).toBe(false);
  });
});

describe("fromNative", () => {
  it("rebuilds the envelope of the addon's errors", () => {
    const error = fromNative(Object.assign(new Error("No such room."), { code: "not_found", errcode: "M_NOT_FOUND", status: 404 }));
    expect(isMatrixError(error, "not_found")).toBe(true);
    expect(error).toMatchObject({ message: "No such room.", errcode: "M_NOT_FOUND", status: 404 });
    expect(error.retryAfterMs).toBeUndefined();
  });

  it("drops details of the wrong type", () => {
    const error = fromNative(Object.assign(new Error("x"), { code: "network", errcode: 7, status: "500", retryAfterMs: null }));
    expect([error.errcode, error.status, error.retryAfterMs]).toEqual([undefined, undefined, undefined]);
  });

  it("calls everything else internal and keeps it as the cause", () => {
    const wrongArgument = Object.assign(new Error("Missing field `auth`"), { code: "InvalidArg" });
    expect(fromNative(wrongArgument)).toMatchObject({ code: "internal", message: "Missing field `auth`", cause: wrongArgument });
    expect(fromNative("thrown text")).toMatchObject({ code: "internal", message: "thrown text" });
  });

  it("leaves a MatrixError as it is", () => {
    const error = new MatrixError("closed", "Closed.");
    expect(fromNative(error)).toBe(error);
  });
});
