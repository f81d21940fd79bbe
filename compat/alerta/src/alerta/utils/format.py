"""Times as Alerta writes them: in UTC, without a zone of their own."""

from datetime import UTC, datetime

_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


class DateTime:
    """Reading and writing times."""

    @staticmethod
    def parse(text: str | None) -> datetime | None:
        """The time of a text such as `2026-01-31T12:00:00.000Z`."""
        if not text:
            return None
        try:
            return datetime.strptime(text, _FORMAT)  # noqa: DTZ007 - without a zone, as Alerta has them
        except (TypeError, ValueError) as error:
            raise ValueError("dates must be ISO 8601 date format YYYY-MM-DDThh:mm:ss.sssZ") from error

    @staticmethod
    def iso8601(moment: datetime) -> str:
        """The text of a time."""
        naive = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
        return f"{naive:%Y-%m-%dT%H:%M:%S}.{naive.microsecond // 1000:03d}Z"
