"""The page that verifies a ledger, as a reader uses it.

>>> verify(open_page(context, host)).outcome
'passed'
"""

from typing import NamedTuple

from playwright.sync_api import BrowserContext, Page
from tests.audit.scripted_run import LOG
from tests.web.hosting import Host


class Said(NamedTuple):
    """What the page says at the end. checks: what each said, by its name and status."""

    outcome: str
    checks: dict[tuple[str, str], str]

    @property
    def wrong(self) -> dict[str, str]:
        return {name: said for (name, status), said in self.checks.items() if status == "wrong"}


def open_page(context: BrowserContext, host: Host, more: str = "") -> Page:
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.goto(f"{host.url}/verify.html?ledger=run/ledger/{more}")
    return page


def verify(page: Page, key: str = str(LOG.verify_key), earlier: str = "") -> Said:
    page.fill("#verify-key", key)
    page.fill("#verify-earlier", earlier)
    page.click("text=Verify now")
    return ended(page)


def ended(page: Page) -> Said:
    page.wait_for_selector("section#verify[data-outcome]")
    found = page.eval_on_selector_all(
        "li[data-check]", "all => all.map(li => [li.dataset.check, li.dataset.status, li.textContent])"
    )
    outcome = page.get_attribute("section#verify", "data-outcome")
    assert outcome is not None
    return Said(outcome, {(name, status): said for name, status, said in found})
