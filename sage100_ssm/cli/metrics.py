"""What ``status --metrics`` prints: the state of the synchronisation as figures for Prometheus."""

from collections import Counter
from datetime import datetime

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from sage100_ssm import __version__
from sage100_ssm.app.status import StatusReport
from sage100_ssm.sync.model import LinkStatus, Side
from sage100_ssm.sync.state.records import RunRow

_PREFIX = "sage100_ssm_"
_WRITTEN = ("read", "created", "updated", "deleted", "failed")


def metrics(report: StatusReport, company: str) -> str:
    """The figures, in the text format of Prometheus; each has the company as a label."""
    registry = CollectorRegistry()
    figures = _Figures(registry, company)
    figures.add("info", "The version that is installed.", 1, version=__version__)
    figures.add("late", "1 where a run that was due did not begin.", int(report.late_since is not None))
    figures.add("clock_set_back", "1 where the clock was set back.", int(report.ahead_of_clock is not None))
    figures.add("next_run_timestamp_seconds", "When the next run is due.", _seconds(report.next_run))
    # A series that is absent raises no alarm: there is always one, of no code.
    figures.add("open_problems", "Open problems, whatever their cause.", len(report.problems))
    for code, number in sorted(Counter(known.entry.code.value for known in report.problems).items()):
        figures.add("open_problems_by_code", "Open problems by cause.", number, code=code)
    for status in (LinkStatus.ACTIVE, LinkStatus.ASLEEP):
        for origin in Side:
            number = report.links.numbers.get((status, origin), 0)
            figures.add(
                "links",
                "Linked contacts, by status and side of origin.",
                number,
                status=status.value,
                origin=origin.value,
            )
    if report.last_run is not None:
        _add_last_run(figures, report.last_run)
    return generate_latest(registry).decode()


class _Figures:
    """Figures under way to a registry; those of one name share their help and labels.

    Args:
        registry: where they go.
        company: the label that all have.
    """

    def __init__(self, registry: CollectorRegistry, company: str) -> None:
        self._registry, self._company = registry, company
        self._gauges: dict[str, Gauge] = {}

    def add(self, name: str, help_: str, value: float | None, **labels: str) -> None:
        """Add a figure; none where its value is not known."""
        if value is None:
            return
        if name not in self._gauges:
            self._gauges[name] = Gauge(_PREFIX + name, help_, ["company", *labels], registry=self._registry)
        self._gauges[name].labels(company=self._company, **labels).set(value)


def _add_last_run(figures: _Figures, run: RunRow) -> None:
    figures.add("last_run_start_timestamp_seconds", "When the last run began.", _seconds(run.started_at))
    figures.add("last_run_end_timestamp_seconds", "When the last run ended.", _seconds(run.finished_at))
    figures.add("last_run_exit_code", "How it ended: 0 done, 2 settings, 3 guard, 4 a side, 70 fault.", run.exit_code)
    for side in Side:
        counts = run.counts.get(side.value, {})
        for action in _WRITTEN:
            if action in counts:
                figures.add(
                    "last_run_contacts", "What the last run did.", counts[action], side=side.value, action=action
                )
    figures.add("last_run_ssm_requests", "Requests to SSM in the last run.", run.counts.get("ssm", {}).get("requests"))


def _seconds(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()
