"""The errors of the house. Each carries one sentence that says what to do, and one of three fates."""


class BoomerangError(Exception):
    """The parent of every error we raise on purpose."""


class Refused(BoomerangError):
    """What was asked for cannot be done as things stand; a person reads the sentence (409, or a flash)."""


class NotFound(Refused):
    """What was asked for does not exist in this shop."""


class NotAllowed(Refused):
    """Whoever asked may not do this; somebody else may (403)."""


class NotYet(BoomerangError):
    """It may work later; whoever carries it tries again with growing intervals."""


class Broken(BoomerangError):
    """It will never work as it is; it is marked failed with this sentence and shown in the admin."""
