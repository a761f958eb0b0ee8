import createClient, { type Client, createQuerySerializer } from "openapi-fetch";
import type { components, paths } from "./schema.js";

export type { components, operations, paths } from "./schema.js";

/** A schema of the contract by its name, such as `Schema<"Bot">`. */
export type Schema<Name extends keyof components["schemas"]> = components["schemas"][Name];

/** Where the server is, and as whom to call it. */
export interface Options {
  /** The server's address, such as `https://bots.example.com`. */
  url: string;
  /** The access token, or what gives the present one before each request. */
  token?: string | (() => string | undefined);
  /** What sends the requests; the platform's `fetch` if absent. */
  fetch?: (request: Request) => Promise<Response>;
}

/** A typed client: `client.GET("/api/v1/bots")` and so on, each path with its own parameters and answers. */
export function botserver({ url, token, fetch }: Options): Client<paths> {
  const client = createClient<paths>({
    baseUrl: url,
    // Several values of a filter are parted by commas.
    querySerializer: createQuerySerializer({ array: { style: "form", explode: false } }),
    ...(fetch ? { fetch } : {}),
  });
  client.use({
    onRequest({ request }) {
      const present = typeof token === "function" ? token() : token;
      if (present) request.headers.set("authorization", `Bearer ${present}`);
      return request;
    },
  });
  return client;
}

/** An answer that is no success. */
export class BotServerError extends Error {
  /** The HTTP status. */
  readonly status: number;
  /** What the server said: `code`, `message`, and `details` with `reason`, `fields` and `request_id`. */
  readonly error: Schema<"ErrorBody">;

  constructor(status: number, error: Schema<"ErrorBody">) {
    super(error.message);
    this.name = "BotServerError";
    this.status = status;
    this.error = error;
  }
}

/**
 * What a success holds in its `data`; throws a `BotServerError` for everything else. A text is no such success: of an
 * answer that is streamed, or a file, take `answer.data` itself.
 */
export function unwrap<T>(answer: {
  data?: { data: T } | string | undefined;
  error?: unknown;
  response: Response;
}): T {
  if (answer.data !== undefined && typeof answer.data !== "string") return answer.data.data;
  const envelope = answer.error as Schema<"ErrorEnvelope"> | undefined;
  throw new BotServerError(
    answer.response.status,
    envelope?.error ?? { code: "SERVER_ERROR", message: answer.response.statusText, details: { request_id: "" } },
  );
}
