"""What the sandbox refuses, each with a sentence that says what to do."""


class BadInput(ValueError):
    """A control call that cannot be carried out; answered with 400 and this sentence."""


class NotThere(BadInput):
    """A control call names something that the sandbox does not have."""
