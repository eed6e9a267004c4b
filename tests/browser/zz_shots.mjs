import { startServer } from './support/server.js';
import { openPage, signIn, closeBrowser, closePage } from './support/browser.js';
import { writeFileSync } from 'node:fs';
const shop = await startServer();
const paths = process.argv.slice(3);
const role = process.argv[2];
for (const [width, dark] of [[1280,false],[1280,true],[390,false],[390,true]]) {
  const page = await openPage(shop.url, { width, dark });
  await signIn(page, shop.accounts[role]);
  for (const spec of paths) {
    const [name, ...steps] = spec.split('|');
    for (const step of steps) {
      if (step.startsWith('/')) await page.goto(shop.url + step);
      else await page.locator(step).first().click();
      await page.waitForLoadState('networkidle');
    }
    await page.screenshot({ path: `/tmp/attshots/${role}-${name}-${width}${dark?'-dark':''}.png`, fullPage: true });
    if (width===1280&&!dark) writeFileSync(`/tmp/attshots/${role}-${name}.txt`, page.url()+'\n'+await page.locator('main').innerText());
  }
  await closePage(page);
}
await closeBrowser(); await shop.stop(); process.exit(0);
