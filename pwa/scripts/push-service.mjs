/**
 * A push service for tests, on this machine alone: `web-push-testing` opens what it is sent and refuses what no browser
 * could open. In front of it stand a list of answers to give instead, and a record of what came.
 *
 *     node pwa/scripts/push-service.mjs        // prints its address, serves until standard input closes
 *     POST /script [{"status": 503, "headers": {"retry-after": "1"}}]      // the next message is answered so
 *     GET  /seen                               // [{"path": "/notify/…", "headers": {…}, "bytes": 362}]
 *     GET  /seen/3                             // the same, as soon as three were answered
 */
import { createServer } from "node:http";
import { createRequire } from "node:module";

const load = createRequire(import.meta.url);
const { PushApiModel } = load("web-push-testing/src/PushApiModel.js");
const Service = load("web-push-testing/src/server.js");

const model = new PushApiModel();
const service = new Service(model, 0);
service.setRequestHandlers();

/** @type {{status: number, headers?: Record<string, string>}[]} */
let script = [];
/** @type {{path: string, headers: object, bytes: number}[]} */
const seen = [];
let answered = 0;
/** @type {((done?: any) => void)[]} */
const waiting = [];

const server = createServer(async (request, response) => {
  const path = request.url ?? "/";
  if (path.startsWith("/seen")) {
    while (answered < Number(path.split("/")[2] ?? 0)) await new Promise((resolve) => waiting.push(resolve));
    response.end(JSON.stringify(seen));
  } else if (path === "/script") {
    let body = "";
    for await (const chunk of request) body += chunk;
    script = JSON.parse(body);
    response.end();
  } else if (path.startsWith("/notify/")) {
    seen.push({ path, headers: request.headers, bytes: Number(request.headers["content-length"]) });
    response.on("finish", () => {
      answered += 1;
      for (const go of waiting.splice(0)) go();
    });
    const next = script.shift();
    if (next) response.writeHead(next.status, next.headers).end();
    else service._app(request, response);
  } else service._app(request, response);
});
server.listen(0, "127.0.0.1", () => {
  const at = server.address();
  const port = typeof at === "object" ? at?.port : 0;
  model.notifyUrl = `http://localhost:${port}/notify/`;
  console.log(`http://localhost:${port}`);
});
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
