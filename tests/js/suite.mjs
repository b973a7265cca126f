// The behaviour of the built package, the same wherever it runs: named cases that take
// `{ jetway, client, sandbox, url, token, page, duplex, htmlUrl, silentUrl, unhandled }` and fail by throwing. A runner makes the
// context: Node's is package.test.mjs, Chromium's is tests/browser/package.test.mjs.
//
// `sandbox` is shared and running; `page` says whether this is a web page; `duplex` is the transport that input must
// take, if one is forced; `htmlUrl` is a server that answers with HTML, `silentUrl` one that
// never does; `unhandled` gives the unhandled rejections so far.
import { catalog } from "./suite/catalog.mjs";
import { client } from "./suite/client.mjs";
import { cloud } from "./suite/cloud.mjs";
import { code } from "./suite/code.mjs";
import { containers } from "./suite/containers.mjs";
import { errors } from "./suite/errors.mjs";
import { exec } from "./suite/exec.mjs";
import { files } from "./suite/files.mjs";
import { functions } from "./suite/functions.mjs";
import { lifecycle } from "./suite/lifecycle.mjs";
import { logs } from "./suite/logs.mjs";
import { network } from "./suite/network.mjs";
import { session } from "./suite/session.mjs";
import { stdin } from "./suite/stdin.mjs";
import { storage } from "./suite/storage.mjs";
import { terminal } from "./suite/terminal.mjs";
import { waiting } from "./suite/waiting.mjs";

export const suite = { exec, stdin, terminal, files, cloud, code, containers, catalog, functions, logs, lifecycle, network, session, storage, client, errors, waiting };
