/**
 * A media server for the live view of the page: HLS that ffmpeg makes out of the sample footage for ever, and WHEP that a
 * page of the same browser answers (`/sender`): it sends a picture with a clock in it.
 *
 * usage: node media.js DIRECTORY RECORDING CAMERA...   prints its address; the first camera has WebRTC as well. Ends when its
 * standard input does.
 */
import { spawn } from 'node:child_process';
import { createReadStream, mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';

const [directory, recording, ...cameras] = process.argv.slice(2);
const CONTENT_TYPES = { '.m3u8': 'application/vnd.apple.mpegurl', '.ts': 'video/mp2t' };
const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-headers': 'Content-Type',
  'access-control-allow-methods': 'OPTIONS, GET, POST, DELETE',
  'access-control-expose-headers': 'Location',
  'cache-control': 'no-cache',
};

const encoders = cameras.map((camera) => {
  const path = join(directory, `camera_${camera}`);
  mkdirSync(path, { recursive: true });
  return spawn('ffmpeg', [
    '-loglevel', 'fatal', '-re', '-stream_loop', '-1', '-t', '900', '-i', recording, '-c', 'copy', '-f', 'hls', '-hls_time', '2',
    '-hls_list_size', '5', '-hls_flags', 'delete_segments+temp_file', join(path, 'index.m3u8'),
  ], { stdio: ['ignore', 'ignore', 'inherit'] });
});

process.stdin.resume().on('end', () => {
  for (const encoder of encoders) encoder.kill();
  process.exit();
});

/** Offers that no sender has seen, and senders that wait for one. */
const offers = [];
const senders = [];
/** By number: whoever waits for the answer.  @type {Map<number, (sdp: string) => void>} */
const answers = new Map();
const deleted = [];
let number = 0;

function match() {
  while (offers.length > 0 && senders.length > 0) senders.shift()(offers.shift());
}

async function bodyOf(request) {
  let body = '';
  for await (const chunk of request) body += chunk;
  return body;
}

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, 'http://here');
  const end = (status, headers = {}, body = '') => response.writeHead(status, { ...CORS, ...headers }).end(body);
  if (request.method === 'OPTIONS') return end(204);
  if (pathname === '/sender') return end(200, { 'content-type': 'text/html' }, SENDER);
  if (pathname === '/deleted') return end(200, {}, JSON.stringify(deleted));
  if (pathname === '/offer') {
    const sender = (offer) => end(200, {}, JSON.stringify(offer));
    senders.push(sender);
    response.on('close', () => senders.includes(sender) && senders.splice(senders.indexOf(sender), 1));
    return match();
  }
  if (pathname === '/answer') {
    const { id, sdp } = JSON.parse(await bodyOf(request));
    answers.get(id)?.(sdp);
    return end(200);
  }
  if (pathname === `/camera_${cameras[0]}/whep` && request.method === 'POST') {
    const id = (number += 1);
    offers.push({ id, sdp: await bodyOf(request) });
    answers.set(id, (sdp) => end(201, { 'content-type': 'application/sdp', location: `${pathname}/${id}` }, sdp));
    return match();
  }
  if (request.method === 'DELETE') {
    deleted.push(pathname);
    return end(200);
  }
  if (request.method !== 'GET') return end(404);
  const file = createReadStream(join(directory, normalize(pathname)));
  file.on('error', () => end(404));
  file.on('open', () => {
    response.writeHead(200, { ...CORS, 'content-type': CONTENT_TYPES[extname(pathname)] ?? 'application/octet-stream' });
    file.pipe(response);
  });
});

const SENDER = `<!doctype html><canvas width="640" height="360"></canvas><script>
const context = document.querySelector('canvas').getContext('2d');
setInterval(() => {
  context.fillStyle = '#246';
  context.fillRect(0, 0, 640, 360);
  context.fillStyle = '#fff';
  context.font = '60px monospace';
  context.fillText(new Date().toISOString().slice(11, 22), 110, 200);
}, 40);
const stream = document.querySelector('canvas').captureStream(25);
async function answer({ id, sdp }) {
  const connection = new RTCPeerConnection();
  await connection.setRemoteDescription({ type: 'offer', sdp });
  stream.getTracks().forEach((track) => connection.addTrack(track, stream));
  await connection.setLocalDescription(await connection.createAnswer());
  while (connection.iceGatheringState !== 'complete') await new Promise((resolve) => setTimeout(resolve, 20));
  await fetch('/answer', { method: 'POST', body: JSON.stringify({ id, sdp: connection.localDescription.sdp }) });
}
(async () => {
  for (;;) await answer(await (await fetch('/offer')).json());
})();
</script>`;

server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
