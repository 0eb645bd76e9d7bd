/** A Node program that serves; by the rendezvous, or by multicast DNS alone. */
export const nodeService = (name: string, options = 'quiet'): string => `
  const service = dservice('${name}', {
    shout: (text) => text.toUpperCase(),
    burst: async (to, each) => {
      const all = [];
      for (let n = 0; n < to; n++) all.push(each(n));
      return (await Promise.all(all)).length;
    },
    echo: (value) => value,
  }, ${options});
  await service.start();
  console.log('started');`;
