// A console for a sandbox of the page's own making, bundled by Vite: the element is given the sandbox, and tells how it is.
import { Client, Sandbox } from "jetway";
import "jetway/elements";

const form = document.querySelector("form");
const state = document.querySelector("#state");

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const { server, token } = Object.fromEntries(new FormData(form));
  const client = new Client({ baseUrl: server, auth: token });
  const sandbox = Sandbox.run({ client, image: "host", maxLifetimeSeconds: 600, env: { PS1: "console$ " } });

  const terminal = document.createElement("jetway-terminal");
  terminal.sandbox = sandbox;
  terminal.setAttribute("command", "exec sh");
  terminal.addEventListener("jetway-statechange", ({ detail }) => {
    state.textContent = detail.state === "ended" ? `ended with exit code ${detail.exitCode}` : detail.state;
    if (detail.state === "open") terminal.focus();
  });
  terminal.addEventListener("jetway-exit", () => sandbox.stop());
  document.querySelector("#place").replaceChildren(terminal);
});
