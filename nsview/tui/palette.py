"""Ready commands to run in the namespaces of the chosen row, in Textual's command palette."""

from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from nsview.join.ready import Ready
from nsview.model.text import safe


class ReadyCommands(Provider):
    """The built-in ones and the user's; choosing one opens the dialog with all of it filled in."""

    def _all(self) -> tuple[Ready, ...]:
        return self.app.ready  # type: ignore[attr-defined,no-any-return]

    def _run(self, ready: Ready) -> None:
        self.app.explorer.enter_ready(ready)  # type: ignore[attr-defined]

    async def discover(self) -> Hits:
        for ready in self._all():
            yield DiscoveryHit(safe(ready.name), partial(self._run, ready), help=safe(ready.text))

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for ready in self._all():
            score = matcher.match(f"{ready.name} {ready.text}")
            if score:
                yield Hit(score, matcher.highlight(safe(ready.name)), partial(self._run, ready), help=safe(ready.text))
