// The open files as a part of the page's address, which no browser sends to a server. Must not know the editor.
import { HOME } from "../state/workspace";
import { isOpen, type Open } from "./documents";

const MARK = "#code=";
/** Addresses beyond this are cut by chat programs and some browsers. */
const LONGEST = 32_000;

/** An address that opens the page with these files. Rejects when they are too much for one. */
export async function addressOf(open: Open): Promise<string> {
  const json = JSON.stringify([open.path, ...open.documents.map(({ path, text }) => [path, text])]);
  const packed = await through(new CompressionStream("deflate-raw"), new TextEncoder().encode(json));
  const text = btoa(String.fromCharCode(...packed)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  if (text.length > LONGEST) {
    throw new Error(`These files make an address of ${text.length} characters, and more than ${LONGEST} do not travel. Close those that need not be shared.`);
  }
  const address = new URL(location.href);
  address.search = "";
  address.hash = MARK + text;
  return address.href;
}

/** The files of the address that the page was opened by; they are taken out of it. Rejects when it was cut. */
export async function takeShared(): Promise<Open | undefined> {
  if (!location.hash.startsWith(MARK)) return undefined;
  const text = location.hash.slice(MARK.length);
  history.replaceState(null, "", location.pathname);
  try {
    const packed = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
    const json = new TextDecoder().decode(await through(new DecompressionStream("deflate-raw"), packed));
    const open = read(JSON.parse(json));
    if (open !== undefined) return open;
  } catch {
    // Told below, as every other way in which an address can be broken.
  }
  throw new Error("The address that was shared is not whole. Ask for it again; programs that send links may cut them.");
}

function read(value: unknown): Open | undefined {
  if (!Array.isArray(value)) return undefined;
  const [path, ...files] = value as unknown[];
  const documents = files.map((file) => {
    const [name, text] = Array.isArray(file) ? (file as unknown[]) : [];
    return { path: name, text, changed: true };
  });
  const open: unknown = { path, documents };
  // A link must not aim at files of the system.
  return isOpen(open) && open.documents.every((document) => document.path.startsWith(`${HOME}/`)) ? open : undefined;
}

async function through(stream: CompressionStream | DecompressionStream, data: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return new Uint8Array(await new Response(new Blob([data]).stream().pipeThrough(stream)).arrayBuffer());
}
