// A mail server on loopback that keeps what it is given.
import { createServer } from 'node:net';

/** Starts it: `settings`, the environment of a server that sends through it, `mails` as `{ to, text }`, and `stop()`. */
export async function startMailServer() {
  const mails = [];
  const server = createServer((socket) => serve(socket, mails));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const settings = {
    SMTP_URL: `smtp://127.0.0.1:${server.address().port}?tls=none`,
    NOTICES_FROM: 'pos@shop.example',
    NOTICES_TO: 'notices@shop.example',
  };
  return { settings, mails, stop: () => server.close() };
}

function serve(socket, mails) {
  let waiting = '';
  let mail = { to: [] };
  let isData = false;
  socket.setEncoding('utf8');
  socket.on('error', () => socket.destroy());
  socket.write('220 mail.test ready\r\n');
  socket.on('data', (chunk) => {
    waiting += chunk;
    for (let end = waiting.indexOf(isData ? '\r\n.\r\n' : '\r\n'); end >= 0; end = waiting.indexOf(isData ? '\r\n.\r\n' : '\r\n')) {
      const taken = waiting.slice(0, end);
      waiting = waiting.slice(end + (isData ? 5 : 2));
      socket.write(`${answer(taken)}\r\n`);
    }
  });

  function answer(taken) {
    if (isData) {
      isData = false;
      // Without the breaks that quoted-printable puts into lines.
      mails.push({ to: mail.to, text: taken.replaceAll('=\r\n', '').replaceAll('=3D', '=') });
      mail = { to: [] };
      return '250 taken';
    }
    const [, to] = taken.match(/^RCPT TO:<(.+?)>/) ?? [];
    if (to) mail.to.push(to);
    isData = taken === 'DATA';
    return isData ? '354 go on' : '250 good';
  }
}
