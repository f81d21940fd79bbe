"""Asking about the events of the past: a question is checked, counted, and handed to the archive."""

import time

from watchbell.domain.errors import WatchbellError
from watchbell.domain.events.question import Answer, Question, check_question
from watchbell.ports.archive import Archive, ArchiveState, OnProgress
from watchbell.ports.telemetry import Telemetry


class Exploring:
    """What the pages and commands ask."""

    def __init__(self, archive: Archive, telemetry: Telemetry) -> None:
        self._archive = archive
        self._telemetry = telemetry

    async def state(self) -> ArchiveState:
        """What there is to ask; see Archive."""
        return await self._archive.state()

    async def ask(self, question: Question, on_progress: OnProgress) -> Answer:
        """The answer; cancelling the call stops the work.

        Raises:
            Faulty: the question cannot be asked; every field with its reason.
            Missing, Overloaded, Retryable: see Archive.
        """
        check_question(question)
        began, outcome = time.monotonic(), "stopped"
        try:
            answer = await self._archive.ask(question, on_progress)
            outcome = "answered"
        except WatchbellError:
            outcome = "failed"
            raise
        finally:
            self._telemetry.count("explore_questions", outcome=outcome)
            self._telemetry.observe("explore_question_seconds", time.monotonic() - began)
        return answer
