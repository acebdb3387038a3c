"""What ``prefect.yaml`` deploys, loaded by its path: the summary of the week as a Prefect flow run."""

from sage100_ssm.orchestration.upkeep import weekly_digest

__all__ = ["weekly_digest"]
