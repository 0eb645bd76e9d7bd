// Writes down what tabs say that they run, before they go on.
import { openSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';

const file = openSync(process.argv[2] ?? '', 'a');
const server = createServer((request, response) => {
  let text = '';
  request.setEncoding('utf8').on('data', (data) => (text += data));
  request.on('end', () => {
    writeSync(file, `${text}\n`);
    response.writeHead(204, { 'access-control-allow-origin': '*' }).end();
  });
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/`));
