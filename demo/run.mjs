// Shows what the package does: npm run demo
//
//   npm run demo               services that find and call each other; then a page is there to look at and to take
//                              part in, until Ctrl-C
//   npm run demo -- --once     two tabs of a headless Chromium take part, and it ends
//   npm run demo -- pipeline   a durable pipeline, whose workers are killed
const stories = new Map([
  [undefined, './meeting.mjs'],
  ['pipeline', './pipeline/play.mjs'],
]);
const name = process.argv.slice(2).find((arg) => !arg.startsWith('-'));
const story = stories.get(name);
if (story === undefined) {
  console.error(`There is no demo ${name}: npm run demo, npm run demo -- pipeline`);
  process.exitCode = 2;
} else await import(story);
