"""Why an event has no record in one mapping. Other mappings of the same event do not suffer."""

from watchbell.domain.errors import WatchbellError


class Unmappable(WatchbellError):
    """The event fits no record: `reason` is a stable word for counting, `detail` says what was wrong.

    Reasons: `mandatory_field_unset`, `parameters_invalid` and `paths_too_long`.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
