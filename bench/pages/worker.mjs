// A worker that serves by what it is named, over the port that it is given.
import { createBirpc } from 'birpc';
import { expose } from 'comlink';
import { serve } from 'dservice';
import { answer } from '../subjects/bare.mjs';

const api = { shout: (text) => text.toUpperCase() };

const serves = {
  ours: (port) => serve(api, port),
  bare: (port) => {
    port.onmessage = ({ data }) => port.postMessage(JSON.stringify(answer(JSON.parse(data))));
  },
  comlink: (port) => expose(api, port),
  birpc: (port) =>
    createBirpc(api, {
      post: (data) => port.postMessage(data),
      on: (listener) => (port.onmessage = ({ data }) => listener(data)),
    }),
};

globalThis.onmessage = ({ data, ports: [port] }) => serves[data](port);
