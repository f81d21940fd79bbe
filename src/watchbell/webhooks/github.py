"""GitHub: workflow runs (Actions). A run that failed opens an alert, the next that succeeds closes it.

Send the event `workflow_run`; the repository is the resource, the workflow and its branch the event. Runs that are
cancelled, skipped or still going say nothing. The address carries the key (`?api-key=…`); set the webhook's secret in
`webhooks.secrets` too, and only what GitHub signed is taken.
"""

import msgspec

from watchbell.domain.ids import new_id
from watchbell.domain.signal import Signal
from watchbell.ports.webhook import Call
from watchbell.toolkit.incoming import attributes, decode, moment, words
from watchbell.toolkit.verifying import hex_digest, must_match

CONCLUSIONS = {
    "success": "normal",
    "failure": "major",
    "timed_out": "major",
    "startup_failure": "major",
    "action_required": "warning",
}


class Run(msgspec.Struct, frozen=True):
    """One run of a workflow."""

    name: str | None = None
    conclusion: str | None = None
    head_branch: str | None = None
    html_url: str = ""
    run_number: int | None = None
    event: str = ""
    updated_at: str = ""
    display_title: str = ""


class Repository(msgspec.Struct, frozen=True):
    """Where it ran."""

    full_name: str


class Message(msgspec.Struct, frozen=True):
    """What GitHub sends."""

    repository: Repository | None = None
    workflow_run: Run | None = None


class GitHub:
    """Workflow runs of GitHub Actions."""

    name = "github"
    title = "GitHub Actions"

    def read(self, call: Call) -> list[Signal]:
        """One signal for a run that ended, none for anything else that GitHub tells."""
        message = decode(Message, call.body)
        run, repository = message.workflow_run, message.repository
        if run is None or repository is None or run.conclusion not in CONCLUSIONS:
            return []
        workflow, branch = run.name or "workflow", run.head_branch or ""
        return [
            Signal(
                id=new_id(),
                environment=call.query.get("environment", "Production"),
                resource=repository.full_name,
                event=f"{workflow} ({branch})" if branch else workflow,
                severity=CONCLUSIONS[run.conclusion],
                service=words(call.query.get("service", "")) or (repository.full_name.rpartition("/")[2],),
                group="Actions",
                value=run.conclusion,
                text=f"{workflow} #{run.run_number}: {run.display_title or run.conclusion}",
                tags=tuple(tag for tag in (run.event and f"trigger={run.event}", branch and f"branch={branch}") if tag),
                attributes=attributes({"moreInfo": run.html_url}),
                origin="GitHub",
                type="workflowRun",
                create_time=moment(run.updated_at, call.received),
                raw_data=msgspec.json.encode(run).decode(),
            )
        ]

    def verify(self, call: Call, secret: str) -> None:
        """GitHub signs the body and tells no time; one that is repeated tells of the same run again."""
        must_match(call.headers.get("x-hub-signature-256", ""), expected=f"sha256={hex_digest(secret, call.body)}")
