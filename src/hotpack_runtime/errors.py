"""What can go wrong in the function, in one line that a log shows whole."""


class RestoreError(RuntimeError):
    """A tree cannot be restored: says what happened, what it means and what to do."""


class DamagedError(RestoreError):
    """What was read is not what the manifest says; another try may read it right."""
