// `elements.js` of `jetway serve`: the npm package's custom elements for pages without a build step. They work with the
// server that the module came from; on that server's own pages also without a token.
import { configureElements } from "jetway/elements";

export * from "jetway/elements";

const server = new URL("./", import.meta.url);

interface PageToken {
  readonly token: string;
  readonly expiresInMs: number;
  readonly defaultImage?: string;
}

/** What the server gives to its own pages, once somebody has opened the link that it printed. */
async function pageToken(): Promise<PageToken> {
  const response = await fetch(new URL("page/token", server), { method: "POST", cache: "no-store" });
  const body = (await response.json()) as PageToken & { message?: string };
  if (!response.ok) throw new Error(body.message ?? `the server answered ${response.status} to this page`);
  return body;
}

const own = location.origin === server.origin;
configureElements({
  baseUrl: server.href.replace(/\/$/, ""),
  ...(own && {
    auth: async () => {
      const { token, expiresInMs } = await pageToken();
      return { token, expiresInMs };
    },
    image: async () => (await pageToken()).defaultImage,
  }),
});
