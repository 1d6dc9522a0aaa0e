/** How the body of a request is framed and signed: the authenticator tells the body's reader. */

/** (S3-WIRE 47-53) */
export type PayloadMode =
  /** UNSIGNED-PAYLOAD, presigned or anonymous: a plain body that no signature covers. */
  | { readonly kind: 'unsigned' }
  /** A plain body with this SHA-256, lower-case hex. */
  | { readonly kind: 'sha256'; readonly hex: string }
  /**
   * A body in the `aws-chunked` framing. `signed` is undefined for STREAMING-UNSIGNED-PAYLOAD-TRAILER;
   * `trailer` says that trailer lines may follow the last chunk.
   */
  | { readonly kind: 'streaming'; readonly signed: ChunkSigning | undefined; readonly trailer: boolean };

/** What chunk signatures are chained from. */
export interface ChunkSigning {
  readonly signingKey: Buffer;
  /** `yyyyMMddTHHmmssZ` */
  readonly amzDate: string;
  /** `yyyyMMdd/region/service/aws4_request` */
  readonly scope: string;
  /** Signature of the request's head, lower-case hex. */
  readonly seedSignature: string;
  readonly accessKey: string;
}
