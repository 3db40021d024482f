"""What can go wrong on the way to Shopify. The one question each answers: may it have been executed?"""

from app.errors import BoomerangError, Broken, NotYet, Refused
from app.sentences import say


class ShopifyError(BoomerangError):
    """The parent of what a call to Shopify may raise."""


class NotExecuted(ShopifyError):
    """Shopify did not do what was asked; asking again cannot do it twice."""


class OutcomeUnknown(ShopifyError, NotYet):
    """Shopify may have done what was asked, or may still do it."""


class NotSent(NotExecuted, NotYet):
    """Nothing reached Shopify: no address, no connection, no trust in its certificate."""


class Throttled(NotExecuted, NotYet):
    """The shop's allowance of query points is used up for ``wait_seconds``."""

    def __init__(self, wait_seconds: float) -> None:
        super().__init__(say("Shopify asks to wait {seconds} s before the next call.", seconds=f"{wait_seconds:.1f}"))
        self.wait_seconds = wait_seconds


class Unauthorized(NotExecuted, NotYet):
    """401: the access token is not, or no longer, valid."""

    def __init__(self) -> None:
        super().__init__(say("Shopify refused the access token; it will be refreshed."))


class AccessDenied(NotExecuted, Broken):
    """The token is valid but lacks a scope; ``detail`` is Shopify's own sentence."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            say("The app lacks a permission in Shopify; open it there and accept the update. {detail}", detail=detail)
        )
        self.detail = detail


class ShopUnavailable(NotExecuted, NotYet):
    """The shop as a whole does not answer: frozen, closed, locked, moved or unknown."""

    def __init__(self, status: int) -> None:
        super().__init__(
            say(
                "Shopify does not serve this shop at the moment (HTTP {status}); see whether it is open.", status=status
            )
        )
        self.status = status


class DocumentRefused(NotExecuted, Broken):
    """Shopify found the call itself wrong and executed nothing; ``code`` is the first error's."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(say("Shopify refused the call ({code}): {detail}", code=code, detail=detail))
        self.code = code
        self.detail = detail


class ServerTrouble(OutcomeUnknown):
    """Shopify failed inside (5xx, INTERNAL_SERVER_ERROR), perhaps after doing what was asked."""


class NoAnswer(OutcomeUnknown):
    """The call was sent and no readable answer came back."""


class TokenRefused(ShopifyError, Refused):
    """There is no token for the shop that works or can be refreshed; a person has to open the app in Shopify."""
