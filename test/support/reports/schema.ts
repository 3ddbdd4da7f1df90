/** The means of the schemas: the compiler keeps each equal to the type a command's operation answers with. */
import { z } from "zod";
import { MATRIX_ERROR_CODES } from "../../../ts/native/errors.ts";
import type { Outcome } from "../../../ts/operations/outcome.ts";

/** `true` if the two types have the same keys with the same values, in both directions. */
type Equal<A, B> = [A] extends [B] ? ([B] extends [A] ? ([keyof A] extends [keyof B] ? ([keyof B] extends [keyof A] ? true : false) : false) : false) : false;

/** A schema of exactly this type. */
export const of =
  <T>() =>
  <S extends z.ZodType>(schema: S & (Equal<z.infer<S>, T> extends true ? unknown : never)): z.ZodType<T> =>
    schema as unknown as z.ZodType<T>;

/** A schema's own shape, for the reports that hold more. */
export const shape = <S extends z.ZodRawShape>(fields: S): S => fields;

export const moment = z.iso.datetime();
export const userId = z.string().regex(/^@\S+:\S+$/);
export const configPath = z.string().startsWith("channels.matrix");

export const outcomeShape = shape({ success: z.boolean(), error: z.string().min(1).optional(), code: z.enum(MATRIX_ERROR_CODES).optional() });
of<Outcome>()(z.strictObject(outcomeShape));
