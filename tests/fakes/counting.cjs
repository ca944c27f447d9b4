// Counts for a Node server that does not: what it was sent and what it answered, by JSON-RPC message.
// Loaded before it with --require; GET /counted gives the counts. It only listens to what passes by: the chunks
// that the HTTP parser hands over, and those that are written.
"use strict";
const http = require("http");

const counted = { calls: {}, ok: 0, tool_error: 0, rpc_error: 0 };

function received(body) {
  let messages;
  try {
    messages = [].concat(JSON.parse(body));
  } catch {
    return; // the server's to refuse
  }
  for (const message of messages) {
    if (message.method === "tools/call") {
      counted.calls[message.params.name] = (counted.calls[message.params.name] || 0) + 1;
    }
  }
}

function answered(text) {
  for (const line of text.split("\n")) {
    const start = line.indexOf("{");
    if (start < 0 || !(line.startsWith("data:") || start === 0)) continue;
    const message = JSON.parse(line.slice(start));
    if (message.error) counted.rpc_error += 1;
    else if (message.result && message.result.content) counted[message.result.isError ? "tool_error" : "ok"] += 1;
  }
}

function listen(request, response) {
  const chunks = [];
  const push = request.push;
  request.push = function (chunk) {
    if (chunk) chunks.push(chunk);
    else if (chunks.length) received(Buffer.concat(chunks).toString());
    return push.apply(this, arguments);
  };
  let text = "";
  const saw = (chunk) => {
    if (typeof chunk !== "string" && !(chunk instanceof Uint8Array)) return;
    text += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
    const whole = text.lastIndexOf("\n") + 1; // a stream's messages end with a line
    answered(text.slice(0, whole));
    text = text.slice(whole);
  };
  const { write, end } = response;
  response.write = function (chunk) {
    saw(chunk);
    return write.apply(this, arguments);
  };
  response.end = function (chunk) {
    saw(chunk);
    answered(text);
    text = "";
    return end.apply(this, arguments);
  };
}

const emit = http.Server.prototype.emit;
http.Server.prototype.emit = function (event, request, response) {
  if (event === "request" && request.url === "/counted") {
    response.end(JSON.stringify(counted));
    return true;
  }
  if (event === "request") listen(request, response);
  return emit.apply(this, arguments);
};
