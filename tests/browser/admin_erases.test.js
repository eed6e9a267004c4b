// An admin erases the personal data of somebody who left; what they did stays.
import assert from 'node:assert/strict';
import { signIn } from './support/browser.js';
import { expectAccessible, expectNoOverflow, expectValidHtml } from './support/checks.js';
import { expectHeading, goTo, inTwoWays, message, pageTest, panel, rowsOf } from './support/shop.js';

inTwoWays(({ shop, way }) => {
  pageTest('erases the personal data of an archived employee', { shop, way }, async (page) => {
    await signIn(page, shop.accounts.admin);
    await goTo(page, 'Employees');
    await page.goto(`${shop.url}/settings/employees?state=archived`);
    const [{ name, href }] = await rowsOf(page, 'employees');
    await page.goto(href);
    await page.getByRole('link', { name: 'Erase personal data' }).click();
    await expectHeading(page, `Erase personal data of ${name}?`);
    await expectAccessible(page);
    await expectNoOverflow(page);
    await expectValidHtml(page);

    await page.getByRole('button', { name: 'Erase personal data' }).click();

    await expectHeading(page, 'Former employee', { level: 1 });
    await message(page, 'Personal data erased').waitFor();
    await expectAccessible(page);
    await expectNoOverflow(page);
    assert.equal(await page.getByText(name).count(), 0);
    await goTo(page, 'Activity');
    await panel(page, 'activity').locator('tbody').getByText('Personal data erased').first().waitFor();
    assert.equal(await page.getByText(name).count(), 0);
  });
});
