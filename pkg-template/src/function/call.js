// One call in one sandbox: files in, run, result out. Must not know what a function is.

import { FunctionError, FunctionSerializationError, SandboxExecutionError } from "../errors.js";

/**
 * @param {{ name, interpreter, main, files, parse, places? }} program
 * @param {{ again?: boolean }} options `again`: the sandbox lives on and has to be left as it was
 */
export async function callIn(sandbox, program, options) {
  const { cwd, env, container, timeoutMs, signal, onStdout, onStderr, tempDir = sandbox.tempDir, again } = options;
  const folder = `${tempDir}/sandbox_payload_${crypto.randomUUID()}`;
  const reach = { container, signal };
  try {
    await Promise.all(Object.entries(program.files).map(([name, text]) => sandbox.writeFile(`${folder}/${name}`, text, reach)));
    const process = sandbox.exec([program.interpreter, `${folder}/${program.main}`], { cwd, env, timeoutMs, ...reach });
    const [result] = await Promise.all([process, tell(process, "stdout", onStdout), tell(process, "stderr", onStderr)]);
    if (result.exitCode !== 0) throw died(program, result);
    return outcome(program, JSON.parse(await read(sandbox, `${folder}/result.json`, reach, program, result)), result);
  } finally {
    if (again) await sandbox.exec(["rm", "-rf", folder], { container }).catch(() => {});
  }
}

async function tell(process, stream, listener) {
  if (!listener) return;
  const decoder = new TextDecoder();
  for await (const chunk of process[stream]) {
    const text = decoder.decode(chunk, { stream: true });
    if (text !== "") await listener(text);
  }
}

async function read(sandbox, path, reach, program, result) {
  try {
    return await sandbox.readFile(path, { encoding: "utf8", ...reach });
  } catch (error) {
    if (error.code !== "file_error" || error.reason !== "CWSANDBOX_FILE_NOT_FOUND") throw error;
    throw died(program, result);
  }
}

function died({ name, interpreter, main }, result) {
  const { exitCode, stderr } = result;
  if (exitCode === 127 || exitCode === 126) {
    return new FunctionError(`${name} cannot run: the sandbox has no ${interpreter}`, {
      hint: `Use an image with ${interpreter}, such as ${interpreter === "node" ? "node:22" : "python:3.11"}`,
    });
  }
  const error = new SandboxExecutionError(`${name} ended its process with exit code ${exitCode} before it returned`, {
    hint: stderr.includes(main) ? `The ${interpreter} of this sandbox may be too old` : undefined,
  });
  return Object.assign(error, { result });
}

function outcome({ name, parse, places }, { value, error, unserializable }, result) {
  if (unserializable) {
    throw new FunctionSerializationError(`${name} returned what cannot be sent: ${unserializable.path}: ${unserializable.what}`, {
      hint: 'Return plain data, or use serialization: "structured" for a JavaScript function',
    });
  }
  if (error === undefined) return parse(value);
  const remoteStack = places ? readable(error.stack, places) : error.stack;
  const thrown = new SandboxExecutionError(`${name}: ${error.type}: ${error.message}`, {});
  Object.assign(thrown, { exceptionType: error.type, exceptionMessage: error.message, remoteStack, result });
  thrown.stack += `\nIn the sandbox: ${remoteStack}`;
  throw thrown;
}

/** A stack in the function's own lines, without the frames of what called it. */
function readable(stack, places) {
  const lines = stack.split("\n").map((line) =>
    line.replace(/(?:file:\/\/)?[^\s()]*\/function\.mjs:(\d+):(\d+)/, (all, line, column) => {
      const place = places.find(({ from, to }) => line >= from && line <= to);
      return place ? `${place.name}:${line - place.from + 1}:${column}` : all;
    }),
  );
  return lines.filter((line) => !/^\s+at .*(\/run\.mjs:|node:internal)/.test(line)).join("\n");
}
