"""What ``prefect.yaml`` deploys, loaded by its path: a night's housekeeping as a Prefect flow run."""

from sage100_ssm.orchestration.upkeep import housekeeping

__all__ = ["housekeeping"]
