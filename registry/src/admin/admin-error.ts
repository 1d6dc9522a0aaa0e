/** Errors of the admin API: `{"error": {"code", "message"}}` with the code's status. */

export const statusOf = {
  BadRequest: 400,
  Unauthorized: 401,
  NotFound: 404,
  Conflict: 409,
  PayloadTooLarge: 413,
  UfsFailed: 502,
  NotActive: 503,
  NodeUnavailable: 503,
} as const;

export class AdminError extends Error {
  readonly code: keyof typeof statusOf;
  constructor(code: keyof typeof statusOf, message: string) {
    super(message);
    this.code = code;
  }
}
