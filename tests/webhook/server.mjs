// A receiver of the tracker's webhook as its operator would write one: it proves the signature and the hour, and takes each delivery once.
//
//   node server.mjs            prints its port, serves until its standard input closes
//   POST /_fault {"method","mode","times"}   mode: 500-after, drop-after, 503, 403, 429
//   POST /_edit  {"id", "description"}       a human's hand
//   GET  /_state                             {"advisories": […], "violations": […], "refused": n}

import { createHmac, timingSafeEqual } from "node:crypto";
import http from "node:http";

const KEY = "test-key";
const HOUR_S_OFF_MAX = 300;
const state = { advisories: [], violations: [], faults: [], refused: 0 };
const taken = new Map();

function handle(request, text) {
  const header = (name) => request.headers[`x-sealdesk-${name}`] ?? "";
  const wanted = Buffer.from(`sha256=${createHmac("sha256", KEY).update(`${header("timestamp")}.${header("delivery")}.`).update(text).digest("hex")}`);
  const given = Buffer.from(header("signature"));
  const off = Math.abs(Date.now() / 1000 - Number(header("timestamp")));
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted) || !(off <= HOUR_S_OFF_MAX)) {
    state.refused += 1;
    return [401, { message: "the signature or its hour is wrong" }];
  }
  const before = taken.get(header("delivery"));
  if (before) return before;
  const answer = take(JSON.parse(text));
  taken.set(header("delivery"), answer);
  return answer;
}

function take({ event, about, content }) {
  if (event === "probe") return [204, undefined];
  if (event === "draft") {
    const made = { id: `T-${state.advisories.length + 1}`, case: about, summary: content.summary, description: content.description };
    state.advisories.push(made);
    return [201, { id: made.id, url: `https://tracker.example/${made.id}` }];
  }
  const found = state.advisories.find((advisory) => advisory.id === about);
  if (!found) return [404, { message: "no such advisory" }];
  if (event === "addition") found.description += `\n\n${content.text}`;
  else if (event === "amendment") found.assessment = content.assessment;
  else state.violations.push(`event ${event}`);
  return [200, {}];
}

const server = http.createServer((request, response) => {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece));
  request.on("end", () => {
    const text = Buffer.concat(pieces).toString("utf8");
    const answer = ([status, body, headers = {}]) => {
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(body === undefined ? "" : JSON.stringify(body));
    };
    if (request.url === "/_state") return answer([200, state]);
    if (request.url === "/_fault") {
      state.faults.push(JSON.parse(text));
      return answer([200, {}]);
    }
    if (request.url === "/_edit") {
      const { id, ...fields } = JSON.parse(text);
      Object.assign(state.advisories.find((advisory) => advisory.id === id), fields);
      return answer([200, {}]);
    }
    const fault = state.faults.find((f) => f.times > 0 && f.method === request.method);
    if (fault) fault.times -= 1;
    switch (fault?.mode) {
      case "503": return answer([503, undefined]);
      case "403": return answer([403, { message: "forbidden" }]);
      case "429": return answer([429, { message: "later" }, { "retry-after": "1" }]);
      case "500-after": handle(request, text); return answer([500, undefined]);
      case "drop-after": handle(request, text); return request.socket.destroy();
      default: return answer(handle(request, text));
    }
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit(0)).resume();
