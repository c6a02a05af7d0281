// One end of the tour's wire; scripts/tour-veth.ts starts it in a network namespace. Commands and answers are lines of JSON.
import dgram from 'node:dgram';
import http from 'node:http';
import net from 'node:net';
import { createInterface } from 'node:readline';

const [, , role, address] = process.argv;
/** Messages go to `echo`; `marker` is no port of the binding, so that its packets pass unseen, behind those that came before them. */
const PORT = { http: 80, echo: 7, marker: 9 };
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

if (role === 'server') {
  const requests = [];
  for (const port of [PORT.echo, PORT.marker]) {
    const socket = dgram.createSocket('udp4');
    socket.on('message', (message, from) => {
      const answer = () => socket.send(message, from.port, from.address);
      // Sockets that are ready together come in any order: what stood before a marker has been answered by the next turn.
      if (port === PORT.marker) setImmediate(answer);
      else answer();
    });
    await new Promise((resolve) => socket.bind(port, address, resolve));
  }
  const server = http.createServer((request, response) => {
    requests.push(request.url);
    response.end(`hello ${request.url}\n`);
  });
  await new Promise((resolve) => server.listen(PORT.http, address, resolve));
  say({ ready: true });
  for await (const _ of createInterface(process.stdin)) say({ requests: requests.splice(0) });
  process.exit(0);
}

const socket = dgram.createSocket('udp4');
await new Promise((resolve) => socket.bind(0, resolve));
let arrived = () => {};
socket.on('message', (message, from) => arrived(message, from.port));
/** Sends messages to ports and looks at what comes until `until` gives something. */
const exchange = (messages, until) =>
  new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('the server does not answer')), 20_000);
    arrived = (answer, from) => {
      const result = until(answer, from);
      if (result === undefined) return;
      clearTimeout(late);
      resolve(result);
    };
    for (const [port, bytes] of messages) socket.send(bytes, port, address);
  });

/** Whether a message is answered: it is not when the marker behind it comes back first. */
let count = 0;
function answered(message) {
  const marker = Buffer.from(`marker ${++count}`);
  let seen = false;
  return exchange(
    [
      [PORT.echo, message],
      [PORT.marker, marker],
    ],
    (answer, from) => {
      if (from === PORT.echo && answer.equals(message)) seen = true;
      return from === PORT.marker && answer.equals(marker) ? seen : undefined;
    },
  );
}

/** Sends the text of a request; whether an answer comes within a time. */
const requested = (text, patienceMs) =>
  new Promise((resolve) => {
    const connection = net.connect(PORT.http, address, () => connection.write(text));
    const done = (answer) => {
      // With a reset, so that nothing is sent again behind its back.
      connection.resetAndDestroy();
      resolve(answer);
    };
    connection.setTimeout(patienceMs, () => done(false));
    connection.once('data', (data) => done(data.toString('latin1').startsWith('HTTP/1.1 200')));
    connection.once('error', () => done(false));
  });

const bytesOf = (texts) => texts.map((text) => Buffer.from(text, 'base64'));
let streaming = null;
say({ ready: true });
for await (const line of createInterface(process.stdin)) {
  const command = JSON.parse(line);
  if (command.do === 'messages') {
    const results = [];
    for (const message of bytesOf(command.messages)) results.push(await answered(message));
    say({ answered: results });
  } else if (command.do === 'requests') {
    say({ answered: await Promise.all(bytesOf(command.messages).map((text) => requested(text, command.patienceMs))) });
  } else if (command.do === 'stream') {
    const messages = bytesOf(command.messages);
    const state = { on: true, sent: 0, answered: 0 };
    state.done = (async () => {
      for (let at = 0; state.on; at = (at + 1) % messages.length) {
        state.sent++;
        if (await answered(messages[at])) state.answered++;
      }
    })();
    streaming = state;
    say({ streaming: true });
  } else if (command.do === 'stop') {
    streaming.on = false;
    await streaming.done;
    say({ sent: streaming.sent, answered: streaming.answered });
  }
}
process.exit(0);
