
async function work() {
  const [inspector, module, stream, util, consoleModule, threads, vm] = await Promise.all(
    ["inspector", "module", "stream", "util", "console", "worker_threads", "vm"].map((name) => import(`node:${name}`)),
  );
  const interpreter = new Interpreter({ inspector, module, stream, util, consoleModule, threads, vm });
  const requests = new Frames();
  const control = new net.Socket({ fd: 3, readable: true, writable: false });
  control.on("data", (data) => {
    for (const { call, body } of requests.feed(data)) {
      const size = body.readUInt32BE(0);
      const options = JSON.parse(body.subarray(4, 4 + size));
      // Not chained to the call before: the supervisor waits, and a promise of what was terminated may never settle.
      interpreter.cell(call, options, body.subarray(4 + size));
    }
  });
  const gone = () => process.reallyExit(0);
  control.on("end", gone).on("error", gone);
}

async function serve(directory) {
  const { spawn } = await import("node:child_process");
  new Supervisor(directory, spawn).listen();
}

const [verb, ...given] = process.argv.slice(2);
const verbs = { attach, serve, work, list };
if (verbs[verb]) await verbs[verb](...given);
else fail("usage: driver.mjs attach DIR OPTIONS [FILE] | list ROOT");
