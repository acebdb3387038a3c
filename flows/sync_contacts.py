"""What ``prefect.yaml`` deploys, loaded by its path: one synchronisation as a Prefect flow run."""

from sage100_ssm.orchestration.flow import sync_contacts

__all__ = ["sync_contacts"]
