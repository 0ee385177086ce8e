// Take a case a line, as cases.py describes it; write its events as a line. See by_ws.py.

import readline from "node:readline";
import WebSocket from "ws";

const [subprotocol, seconds] = process.argv.slice(2);

function take(ws, [kind, ...rest]) {
  const bytes = (hex) => Buffer.from(hex, "hex");
  switch (kind) {
    case "text":
      return ws.send(rest[0]);
    case "part": // it begins a message, or goes on with it, by itself
      return ws.send(bytes(rest[2]), { binary: false, compress: false, fin: rest[1] });
    case "ping":
      return ws.ping(bytes(rest[0]));
    case "pong":
      return ws.pong(bytes(rest[0]));
    case "close":
      return rest[0] === null ? ws.close() : ws.close(rest[0], rest[1]);
    case "bytes":
      return ws._socket.write(bytes(rest[0]));
    case "half":
      return ws._socket.end();
  }
}

function talk({ url, steps, deflate }) {
  return new Promise((resolve) => {
    const events = [];
    let waits = () => {};
    const ws = new WebSocket(url, [subprotocol], { perMessageDeflate: deflate });
    const note = (...event) => {
      events.push(event);
      waits();
    };
    const timer = setTimeout(() => {
      note("error", "timed out");
      resolve(events);
      ws.terminate();
    }, Number(seconds) * 1000);
    ws.on("message", (data) => note("text", data.toString()));
    ws.on("pong", (data) => note("pong", data.toString("hex")));
    ws.on("error", (error) => note("error", error.message));
    ws.on("close", (code, reason) => {
      clearTimeout(timer);
      if (code !== 1006) note("close", String(code), reason.toString()); // 1006: there was none
      waits();
      resolve(events);
    });
    ws.on("open", async () => {
      for (const step of steps) {
        if (step[0] === "await") {
          while (events.length < step[1] && ws.readyState !== WebSocket.CLOSED) {
            await new Promise((go) => {
              waits = go;
            });
          }
        } else {
          take(ws, step);
        }
      }
    });
  });
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await talk(JSON.parse(line)))}\n`);
}
